"""Keys, lists and streams of Redis: `RedisSinkConnector`, `RedisSourceConnector`."""
