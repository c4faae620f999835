"""The event log: append, read, follow; what could not become an event."""
