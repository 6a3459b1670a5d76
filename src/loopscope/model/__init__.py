"""A pure fold: records in, state, frozen snapshots out. It knows no process, no file and no screen."""
