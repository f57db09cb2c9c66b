"""Connectors of our own."""
