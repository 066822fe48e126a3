"""What of all that devices say makes a lot's vacancy live again."""

from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from onepark.contexts.gate.errors import StaleStamp
from onepark.contexts.gate.service import Gate
from onepark.contexts.stays.service import Stays
from onepark.contexts.vacancies.board import Board
from onepark.contexts.vacancies.model import Quality, Trust
from onepark.infra.db import Database
from onepark.infra.settings import Settings
from onepark.kernel.types import LotId, Pool
from tests.fakes.city import Archive, a_city_lot
from tests.fakes.clock import HandClock
from tests.store.gate.test_commands import (
    LOT,
    KeepsNothing,
    TwoLanes,
    clock,
    credentials,
    stays,
)

__all__ = ["clock", "stays"]  # fixtures

SETTINGS = Settings("", "", "")
CITY_LOT = a_city_lot(LOT, code=TwoLanes.code)


class OnBoard:
    """Vacancies of which only the board is real."""

    def __init__(self) -> None:
        trust = Trust(SETTINGS.vacancy_late_s, SETTINGS.vacancy_lost_s)
        self.board = Board(Archive([CITY_LOT]), trust)

    async def publish(self, counts: Any) -> None:
        """Counts carry the time of the database, which this clock knows nothing of."""

    async def heard(self, lot_ids: Iterable[LotId], at: datetime) -> None:
        for lot_id in lot_ids:
            self.board.hear(lot_id, at)


class OneLot(TwoLanes):
    pools = {Pool.SHORT_STAY: 90}  # noqa: RUF012


@pytest.fixture
def shown() -> OnBoard:
    return OnBoard()


@pytest.fixture
async def gate(
    service_db: Database, stays: Stays, clock: HandClock, shown: OnBoard
) -> AsyncIterator[Gate]:
    gate = Gate(
        service_db,
        archive=OneLot,
        stays=stays,
        vacancies=shown,
        past=KeepsNothing(),
        clock=clock,
        settings=SETTINGS,
    )
    gate.start()
    yield gate
    await gate.stop()


def a_passage_of(kind: str, at: datetime) -> dict[str, Any]:
    return {
        "passage_id": f"{kind}-{at.isoformat()}",
        "lot": TwoLanes.code,
        "lane": "out-1-lane",
        "kind": kind,
        "plate": "苏B55555",
        "seen_at": at.isoformat(),
    }


def a_snapshot_of(at: datetime) -> dict[str, Any]:
    pools = {"short_stay": {"occupied": 3}}
    return {"snapshot_id": "s1", "lot": TwoLanes.code, "taken_at": at.isoformat(), "pools": pools}


async def say(gate: Gate, clock: HandClock, what: str, *, signed_at: HandClock) -> None:
    if what == "heartbeat":
        body = b"{}"
        await gate.heartbeat(credentials(signed_at, body), body)
    elif what == "snapshot":
        body = msgspec.json.encode({"snapshots": [a_snapshot_of(clock.at)]})
        await gate.snapshots(credentials(signed_at, body), body)
    else:
        body = msgspec.json.encode({"passages": [a_passage_of(what, clock.at)]})
        await gate.passages(credentials(signed_at, body), body)


def quality(shown: OnBoard, clock: HandClock) -> Quality:
    return shown.board.vacancy(CITY_LOT, clock.now()).quality


@pytest.mark.parametrize("what", ["entry", "exit", "exit_request", "snapshot", "heartbeat"])
async def test_a_lot_lives_by_every_passage_snapshot_and_heartbeat(gate, clock, shown, what):
    """Also by passages that move no count: a request to leave, an exit that nothing explains."""
    assert quality(shown, clock) is Quality.LOST, "nothing was ever heard of it"
    await say(gate, clock, what, signed_at=clock)
    qualities = []
    for silent_s in (0, 180, 1, 1_619, 1):
        clock.go(timedelta(seconds=silent_s))
        qualities.append(quality(shown, clock))
    assert qualities == ["live", "live", "late", "late", "lost"]
    await say(gate, clock, what, signed_at=clock)
    assert quality(shown, clock) is Quality.LIVE


async def test_what_an_old_stamp_signs_is_no_sign_of_life(gate, clock, shown):
    """It may be a replay."""
    long_ago = HandClock(clock.at - timedelta(minutes=10))
    await say(gate, clock, "heartbeat", signed_at=long_ago)
    for what in ("entry", "snapshot"):
        with pytest.raises(StaleStamp):
            await say(gate, clock, what, signed_at=long_ago)
    assert quality(shown, clock) is Quality.LOST
