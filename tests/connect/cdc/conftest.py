"""One PostgreSQL server for all tests that need one; each has a database of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.peers.postgres import PostgresServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    pytest.importorskip("psycopg")
    with PostgresServer() as server:
        yield server
