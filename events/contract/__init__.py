"""The contract with everyone outside: every type of event, what it holds, and how it is read."""
