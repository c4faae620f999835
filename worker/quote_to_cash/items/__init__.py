"""Products of the CRM, and the QuickBooks items that they are mapped to."""
