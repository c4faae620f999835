"""The invariants: what holds of every store, simulated or live, and how to check it."""
