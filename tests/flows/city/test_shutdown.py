"""A city that is asked to end finishes what it has in hand."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from tests.flows.city.conftest import a_city
from tests.flows.city.served import City, a_plate


@pytest.fixture
async def own_city() -> AsyncIterator[City]:
    """A city of this test's own, since it ends it."""
    async with a_city(own_redis=True) as city:
        yield city


@pytest.fixture(autouse=True)
def ordinary_day() -> None:
    """The shared city is not needed here."""


@pytest.mark.timeout(240)
async def test_what_is_in_hand_is_answered_and_the_city_ends_with_0(own_city: City):
    lot = own_city.lots[0]

    def report_on() -> int:
        answered = 0
        with suppress(ConnectionError):  # refused, or closed between two requests
            for _ in range(10_000):
                assert lot.entry.pass_by("entry", a_plate())["outcome"] == "accepted"
                answered += 1
        return answered

    with ThreadPoolExecutor(5) as pool:
        poll = pool.submit(lot.exit.commands, wait_s=30)
        gates = [pool.submit(report_on) for _ in range(4)]
        with suppress(TimeoutError):
            gates[0].result(1)
        assert own_city.end() == 0
        assert poll.result(1) == [], "the long poll was let go with an answer"
        assert all(gate.result(5) > 0 for gate in gates)
    assert "http.internal" not in own_city.log("serve")
    assert "serve.ended" in own_city.log("serve")
