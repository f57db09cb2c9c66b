"""Server-side assignors (KIP-848): who of a group gets which partitions. Pure functions of a `GroupSpec`."""
