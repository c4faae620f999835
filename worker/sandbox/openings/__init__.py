"""The companies that a sandbox opens, each with the books of its first day."""
