"""Tenants, their tokens, and their settings."""
