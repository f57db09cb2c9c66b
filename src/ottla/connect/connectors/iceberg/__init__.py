"""Tables of Apache Iceberg: `IcebergSinkConnector`."""
