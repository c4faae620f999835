"""The invoice of a deal: its gates, its amounts, its request, and its outcome."""
