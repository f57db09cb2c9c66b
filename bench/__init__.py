"""Ottla beside Apache Kafka: `python -m bench` (`make bench`), `python -m bench --quick` for two minutes."""
