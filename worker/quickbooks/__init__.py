"""QuickBooks Online: the only package that sends HTTP requests to Intuit."""
