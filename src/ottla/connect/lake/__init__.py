"""Topics kept as tables of Apache Iceberg, in one process and without a worker: what `ottla lake` does."""
