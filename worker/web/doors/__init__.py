"""The doors for senders: events, DocuSign, OAuth, feeds, health."""
