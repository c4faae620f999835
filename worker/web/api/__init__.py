"""`/api/v1`: read models and actions, for the console and scripts."""
