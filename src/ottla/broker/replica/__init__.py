"""The replicas that this node hosts: partitions, their logs, and those who wait for them."""
