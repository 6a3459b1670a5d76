"""The telemetry process: power and load of this machine, a few times a second, as records on the pipe."""
