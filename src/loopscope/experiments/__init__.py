"""What a session is put through: calibration, ramp, A-B-B-A, scenario rounds, sweep, self-test."""
