"""How far a connector is in terms that every server of a cluster understands: MariaDB's global transaction ids.

A transaction is domain-server-number; within a domain numbers only grow. What is done is the last of each domain, as
MariaDB itself says it: `0-1-100,1-2-7`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_GTID: Final = re.compile(r"\s*(\d{1,20})-(\d{1,20})-(\d{1,20})\s*")


@dataclass(frozen=True)
class Gtids:
    last: Mapping[int, tuple[int, int]]
    """Domain ─► (server, number)."""

    @classmethod
    def parse(cls, text: str) -> Gtids | None:
        """`None`: these are none of MariaDB's."""
        last = {}
        for part in text.split(",") if text.strip() else ():
            found = _GTID.fullmatch(part)
            if found is None:
                return None
            last[int(found[1])] = (int(found[2]), int(found[3]))
        return cls(last)

    def after(self, gtid: str) -> Gtids:
        """When that transaction is done, too."""
        more = Gtids.parse(gtid)
        return Gtids({**self.last, **more.last}) if more is not None else self

    def beyond(self, other: Gtids) -> list[int]:
        """The domains in which `other` is not yet where these are."""
        return [domain for domain, (_, number) in self.last.items() if other.last.get(domain, (0, 0))[1] < number]

    def of_domains(self, matches: Callable[[str], bool]) -> Gtids:
        """Those whose number, as text, matches."""
        return Gtids({domain: last for domain, last in self.last.items() if matches(str(domain))})

    def __str__(self) -> str:
        return self._text

    @cached_property
    def _text(self) -> str:
        """Every record of a transaction has it in its offset."""
        return ",".join(f"{domain}-{server}-{number}" for domain, (server, number) in sorted(self.last.items()))
