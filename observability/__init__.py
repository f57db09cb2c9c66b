"""Dashboards and alerts for whoever watches nodes of Ottla, or of Apache Kafka with the JMX exporter."""
