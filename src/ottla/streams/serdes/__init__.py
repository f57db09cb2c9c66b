"""Serdes: keys and values to bytes and back."""
