"""Bodies of control records and markers, one file each."""
