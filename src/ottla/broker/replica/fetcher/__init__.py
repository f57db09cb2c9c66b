"""Following: what a replica fetches from the leaders of its partitions."""
