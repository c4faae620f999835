"""The deterministic simulation: the shipped code on virtual time, with faults drawn from a seed."""
