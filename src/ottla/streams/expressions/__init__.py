"""Vectorised expressions: `col("amount") > 500`, `sum_("amount")`. See docs/adr/0009-expressions-become-loops.md."""
