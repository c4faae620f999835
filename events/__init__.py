"""What happened: the contract with everyone outside, and the log."""
