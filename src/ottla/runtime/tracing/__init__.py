"""Traces by OpenTelemetry: what any product tells of what it does, if somebody wants to know."""
