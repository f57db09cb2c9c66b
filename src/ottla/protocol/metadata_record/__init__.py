"""Records of `__cluster_metadata`, one file each."""
