"""What QuickBooks says, made facts."""
