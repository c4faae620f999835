"""The deterministic simulation: the shipped code under virtual time, with everything going wrong by seed."""
