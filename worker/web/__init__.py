"""The front door: HTTP routes for events, webhooks, feeds and the API."""
