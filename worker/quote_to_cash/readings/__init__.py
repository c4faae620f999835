"""The readings of customers and items in QuickBooks, whenever an invoice may depend on them."""
