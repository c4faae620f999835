"""The workspace and the QuickBooks company behind it: settings, connection, lists."""
