"""The messages that the sandbox sends: QuickBooks' webhooks and those of DocuSign Connect."""
