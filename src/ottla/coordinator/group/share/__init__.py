"""Share groups (KIP-932): members that share partitions, and the life of the state kept for each share partition."""
