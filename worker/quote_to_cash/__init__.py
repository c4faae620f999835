"""The Quote-to-Cash process manager: pure decisions that lead from a won deal to exactly one invoice."""
