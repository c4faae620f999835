"""The Quote-to-Cash process manager: from a won deal to exactly one invoice, decided purely."""
