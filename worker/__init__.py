"""The worker: sources, decisions, commands, QuickBooks, web, command line."""
