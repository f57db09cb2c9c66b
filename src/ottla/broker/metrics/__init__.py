"""What a node tells of itself: a file a subject, each with its metrics and a source that reads them.

Hot paths count where they must (`request_counts`, `Partition`); all else is computed when somebody asks. Names are
those of Apache Kafka's MBeans as the JMX exporter makes them: `docs/guide/observability.md` says by which rules.
"""
