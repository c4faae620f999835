"""The books of one company: its objects, the ledger under them, and the journal of their changes."""
