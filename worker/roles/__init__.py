"""The roles of a process, one file for each, and the start and end of a process."""
