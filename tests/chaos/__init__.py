"""Chaos: real processes, servers and networks fail together while messages arrive."""
