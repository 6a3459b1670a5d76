"""HTTP clients behind one small protocol: the same agent, the same probes, whatever library moves the bytes."""
