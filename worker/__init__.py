"""What we do: sources, decisions, commands, QuickBooks, web, command line."""
