"""Records of the internal topics that coordinators keep, one file a key and its value."""
