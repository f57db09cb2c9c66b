"""Ottla Streams beside Kafka Streams: the same op-trees and inputs in both."""
