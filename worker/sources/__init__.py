"""Where events come from; each source hands records to the one way in, `events.log.intake`."""
