"""The invoice of a deal: when it is due, what it says, and what became of it."""
