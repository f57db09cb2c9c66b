"""The documentation, and `site`, which makes pages of it. A package, so that no other `docs` gets in between."""
