"""What a process can be, one file a role; and how a process starts and ends."""
