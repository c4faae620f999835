"""Failures on purpose: lost, late and refused requests, throttles."""
