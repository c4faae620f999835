"""The peers, each a process that exchanges JSON lines, in a separate environment."""
