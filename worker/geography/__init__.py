"""Where a company is: its country, and the time zone that its address allows."""
