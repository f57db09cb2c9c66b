"""The processes that tests run beside the code: an Ottla node as a user starts it, and Apache Kafka itself."""
