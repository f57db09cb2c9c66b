"""The pages of docs/guide, done from top to bottom."""
