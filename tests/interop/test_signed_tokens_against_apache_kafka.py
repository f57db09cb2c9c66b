"""OAUTHBEARER with signed tokens: Ottla believes the same ones as Apache Kafka, and answers alike."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.interop.signed_token_scenarios import ALLOWED_URLS, play, settings, tokens, write_jwks
from tests.peers.apache_kafka import KafkaNode
from tests.peers.ottla_node import OttlaNode

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.java
@pytest.mark.timeout(300)
async def test_the_same_answers(tmp_path: Path) -> None:
    jwks = tmp_path / "jwks.json"
    write_jwks(jwks)
    allowed = ("env", f"JAVA_TOOL_OPTIONS=-D{ALLOWED_URLS}={jwks.as_uri()}")
    with (
        KafkaNode(tmp_path / "kafka", settings(jwks), prefix=allowed) as kafka,
        OttlaNode(tmp_path / "ottla", settings(jwks)) as ottla,
    ):
        presented = tokens()
        theirs, ours = await asyncio.gather(play(kafka.address, presented), play(ottla.address, presented))
    assert len(theirs) > 2 * len(presented)
    assert "\n".join(ours) == "\n".join(theirs)
