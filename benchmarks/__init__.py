"""Benchmarks beside the limit of the machine and beside peers, measured in one interleaved run."""
