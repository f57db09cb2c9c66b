"""What a process says of itself to whoever watches it: metrics as Prometheus reads them, health, readiness.

Any product may serve these: `Metric` names what is measured, a `Source` reads it when it is asked, `MetricsServer`
answers over HTTP. Nothing here counts by itself.
"""
