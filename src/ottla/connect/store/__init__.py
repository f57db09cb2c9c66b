"""What a worker remembers: configurations, statuses, offsets; in topics, a file, or for as long as it runs."""
