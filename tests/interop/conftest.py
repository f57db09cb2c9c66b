"""The data directory that the tests here read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.conftest import make_node
from tests.interop.mixed_use import use

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data directory of a node after mixed use."""
    node = make_node(tmp_path_factory.mktemp("used"))
    node.start()
    try:
        use(node)
        yield node.data
    finally:
        node.close()
