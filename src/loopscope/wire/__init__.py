"""The pipe between a session and its child processes: the same lines as in a trace file, commands the other way."""
