"""What stands in files, by format: each reads records with their positions, and writes records."""
