"""Applications of Ottla Streams, run against real brokers."""
