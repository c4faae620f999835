"""Connecting a workspace to a QuickBooks company: a consent in a browser, its proof, its end."""
