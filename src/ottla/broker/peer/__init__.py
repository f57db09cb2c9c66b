"""Other nodes of the cluster: connections to them, made when they are needed."""
