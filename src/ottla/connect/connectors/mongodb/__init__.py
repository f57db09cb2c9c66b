"""Documents of MongoDB: `MongoSinkConnector` and, from change streams, `MongoSourceConnector`."""
