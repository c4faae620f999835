"""Read models: tables built from the log, for people and the API to read."""
