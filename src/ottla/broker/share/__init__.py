"""Share partitions: which records of a partition a share group has in flight, and the requests that move them."""
