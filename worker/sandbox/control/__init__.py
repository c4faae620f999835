"""The control API: requests of tests, demos and people to the sandbox itself, past QuickBooks' own doors."""
