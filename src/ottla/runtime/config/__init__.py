"""Every config of a broker, a topic, a group and a metrics subscription; `server.properties`; who said what."""
