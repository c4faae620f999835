"""What we know: read models built from the log."""
