"""What is written is what is read, for every message in every version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.protocol.message_samples import EVERY_VERSION, name_of
from tests.unit.protocol.message_strategies import messages

from ottla.protocol.codec import decoder

if TYPE_CHECKING:
    from ottla.protocol.message import Message

EXAMPLES = 4


@pytest.mark.parametrize(("message", "version"), EVERY_VERSION, ids=name_of)
@settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
@given(data=st.data())
def test_every_message_comes_back(message: type[Message], version: int, data: st.DataObject) -> None:
    said = data.draw(messages(message, version))
    written = b"before" + said.encode(version) + b"behind"
    heard, end = decoder(message, version)(memoryview(written), 6)
    assert heard == said
    assert end == len(written) - 6
    assert heard.encode(version) == written[6:-6]
