"""Accounts of the CRM, and the QuickBooks customers that they are mapped to."""
