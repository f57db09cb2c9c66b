"""The worker: connectors, their tasks, and who runs them where."""
