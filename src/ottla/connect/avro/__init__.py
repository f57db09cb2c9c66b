"""Connect's schemas and data as Avro's, and back, by the rules of Confluent's Avro converter (`AvroData`). Pure."""
