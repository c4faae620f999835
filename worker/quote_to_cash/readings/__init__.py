"""Customers and items as QuickBooks shows them, read whenever an invoice may depend on it."""
