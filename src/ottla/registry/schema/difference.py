"""What changed between two schemas: its kind, under the name that the Confluent Schema Registry gave it, and where.

`%(new)s` and `%(old)s` in a description are filled in by whoever knows which of the two is the new one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    kind: str
    path: str
    description: str = ""
    details: str = ""

    def message(self, reader: str, writer: str) -> str:
        """For a person and for a program: `{errorType:"…", description:"…", additionalInfo:"…"}`."""
        said = self.description.format(reader=reader, writer=writer, path=self.path) if self.description else ""
        extra = f', additionalInfo:"{self.details}"' if self.details else ""
        return f'{{errorType:"{self.kind}", description:"{said}"{extra}}}'
