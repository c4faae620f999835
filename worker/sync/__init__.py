"""Read a QuickBooks company as observed facts."""
