"""Indexes of OpenSearch and Elasticsearch: `ElasticsearchSinkConnector`."""
