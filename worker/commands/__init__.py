"""Wishes to change QuickBooks: their table, their dispatch, what to do when one goes wrong."""
