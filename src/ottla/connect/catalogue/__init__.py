"""Connectors of others: which there are, and those that are installed here."""
