"""Streams groups (KIP-1071): membership, topology and tasks of Kafka Streams applications, kept by the coordinator."""
