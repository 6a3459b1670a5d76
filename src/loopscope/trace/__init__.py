"""The file: one header, then the same lines as on the pipe, then a trailer. See docs/trace-format.md."""
