"""What connectors, converters and transformations are written against: `org.apache.kafka.connect` as Python."""
