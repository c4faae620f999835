"""The control API: what a test, a demo or a person asks of the sandbox itself, past QuickBooks' own doors."""
