"""What tells whether two schemas are the same: an MD5 over text, references, metadata and rules; as a UUID, a guid."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ottla.registry.schema.metadata import Metadata
    from ottla.registry.schema.reference import Reference
    from ottla.registry.schema.rule_set import RuleSet


def fingerprint(
    text: str, references: Iterable[Reference], metadata: Metadata | None, rule_set: RuleSet | None
) -> bytes:
    digest = hashlib.md5(text.encode(), usedforsecurity=False)
    for reference in references:
        digest.update(reference.digest_bytes())
    for part in (metadata, rule_set):
        if part is not None:
            digest.update(b"\1" + part.digest_bytes())
    return digest.digest()


def guid_text(digest: bytes) -> str:
    text = digest.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def guid_bytes(text: str) -> bytes | None:
    """`None` if it is no guid."""
    try:
        digest = bytes.fromhex(text.replace("-", ""))
    except ValueError:
        return None
    return digest if len(digest) == 16 else None
