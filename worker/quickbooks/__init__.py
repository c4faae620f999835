"""QuickBooks Online: the only place that knows HTTP to Intuit."""
