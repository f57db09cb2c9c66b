"""Tables of relational databases, by SQLAlchemy: `JdbcSourceConnector` and `JdbcSinkConnector` of Confluent."""
