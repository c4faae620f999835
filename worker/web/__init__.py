"""The front door: events and webhooks in, feeds and the API out."""
