"""The entities of QuickBooks, one file each: its properties, its names and its rules."""
