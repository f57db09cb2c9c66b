"""Change data capture, against real databases."""
