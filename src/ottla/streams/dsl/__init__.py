"""The DSL: streams, tables and windows that write a topology."""
