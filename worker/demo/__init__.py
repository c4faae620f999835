"""The demo: deals and contracts through the real doors, with faults, while the worker is killed twice."""
