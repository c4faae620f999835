"""A faithful QuickBooks Online and DocuSign to run against: for demos, tests and trying things out."""
