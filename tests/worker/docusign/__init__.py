"""Tests of DocuSign Connect: keys, signatures, reception."""
