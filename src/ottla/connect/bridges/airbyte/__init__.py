"""Airbyte sources, those of packages and those that are a manifest."""
