"""Deals, from the CRM's snapshots and DocuSign's contracts: is a deal won, since when, and with which quote."""
