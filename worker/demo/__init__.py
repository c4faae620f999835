"""The main job, shown: deals and contracts through the real doors, faults on, the worker killed on the way."""
