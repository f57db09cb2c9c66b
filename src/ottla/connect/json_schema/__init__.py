"""Connect's schemas and data as JSON Schema's, by the rules of Confluent's converter (`JsonSchemaData`). Pure."""
