"""Connectors of others, really run: `python -m tests.plugins` (long; it installs packages, and calls nobody else)."""
