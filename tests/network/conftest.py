"""One network for all tests that need no other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.network.hall import HOUR, Hall


@pytest.fixture(scope="package")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    # An engine does not begin before its clock has reached the ledger's birth, and some clocks will be behind.
    made = Hall(tmp_path_factory.mktemp("network"), age_s=2 * HOUR)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def hall(network: Hall) -> Hall:
    """Each test begins with all four in service."""
    network.restore()
    return network
