"""Changes of a PostgreSQL database, by logical replication, in the shapes of Debezium's connector."""
