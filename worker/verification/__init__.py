"""The invariants of every database, simulated or live, and their checks."""
