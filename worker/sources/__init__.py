"""The sources of events; each passes its records to `events.log.intake`."""
