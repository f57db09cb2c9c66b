"""Share coordinators: the delivery state of share partitions, one coordinator a partition of `__share_group_state`."""
