"""Deals as the CRM and DocuSign tell of them: snapshots, contracts, who won what when."""
