"""Words shared by all; no I/O."""
