"""What an application measures, under Kafka Streams' names: sensors record, metrics are computed when they are read."""
