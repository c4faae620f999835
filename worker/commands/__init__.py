"""Commands to QuickBooks: their table, their dispatch, and the handling of their errors."""
