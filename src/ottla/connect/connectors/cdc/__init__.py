"""Change data capture: what connectors of every database share, in the shapes of Debezium."""
