"""Records that are made up: `DatagenConnector` of Confluent, by schemas that say how."""
