"""Tables of DuckDB: `DuckDbSinkConnector`."""
