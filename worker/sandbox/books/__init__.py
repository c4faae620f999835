"""The books of a company."""
