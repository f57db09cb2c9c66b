"""Clusters of real processes under real clients, while nodes die, stall and are cut off."""
