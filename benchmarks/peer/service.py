"""The peer's use case: passages become stays, orders, fees and counts in one transaction.

Owns: how a team that knows SQLAlchemy would write it: rows are read for all passages at once, the
unit of work writes them at the end.
Never: prices by the platform's native code, or answers before the commit.
"""

import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import count
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks.peer.model import (
    CarRow,
    ClaimRow,
    CountRow,
    OrderRow,
    OutboxRow,
    Passage,
    PassageRow,
    Result,
    StayRow,
)
from benchmarks.tariff_peers import t1, t5, t8

FEES: Mapping[str, Callable[[int, int], int]] = {"t1": t1, "t5": t5, "t8": t8}
MOVES = {"entry": 1, "exit": -1}
_stay_ids = count(time.time_ns())


class Gate(NamedTuple):
    """A known device."""

    device: str
    lot: str
    lane: str
    secret: bytes
    plan_key: str


class Known(NamedTuple):
    """What the database knew before these passages."""

    claims: dict[str, ClaimRow]
    cars: dict[str, CarRow]
    stays: dict[int, StayRow]
    orders: dict[int, OrderRow]


async def take(session: AsyncSession, gate: Gate, passages: Sequence[Passage]) -> list[Result]:
    """Take passages of one device; the caller commits."""
    known = await _known(session, gate, passages)
    results = [_take_one(session, gate, one, known) for one in passages]
    moved = sum(
        MOVES[one.kind]
        for one, result in zip(passages, results, strict=True)
        if result.outcome == "accepted" and result.stay_id is not None
    )
    await session.flush()
    if moved:
        await _count(session, gate.lot, moved)
    return results


async def _known(session: AsyncSession, gate: Gate, passages: Sequence[Passage]) -> Known:
    """Lock the cars, made if absent, and read after it what is known of them."""
    keys = sorted({one.car_key for one in passages})
    rows = [{"lot": gate.lot, "car_key": key} for key in keys]
    await session.execute(insert(CarRow).values(rows).on_conflict_do_nothing())
    locked = (
        select(CarRow)
        .where(CarRow.lot == gate.lot, CarRow.car_key.in_(keys))
        .order_by(CarRow.car_key)
        .with_for_update()
    )
    cars = {car.car_key: car for car in await session.scalars(locked)}
    answered = select(ClaimRow).where(
        ClaimRow.lot == gate.lot,
        ClaimRow.device == gate.device,
        ClaimRow.passage_id.in_([one.passage_id for one in passages]),
    )
    claims = {claim.passage_id: claim for claim in await session.scalars(answered)}
    inside = [car.open_stay_id for car in cars.values() if car.open_stay_id is not None]
    if not inside:
        return Known(claims, cars, {}, {})
    pairs = await session.execute(
        select(StayRow, OrderRow)
        .join(OrderRow, (OrderRow.lot == StayRow.lot) & (OrderRow.stay_id == StayRow.stay_id))
        .where(StayRow.lot == gate.lot, StayRow.stay_id.in_(inside))
    )
    both = [(stay, order) for stay, order in pairs]
    stays = {stay.stay_id: stay for stay, _ in both}
    return Known(claims, cars, stays, {order.stay_id: order for _, order in both})


def _take_one(session: AsyncSession, gate: Gate, passage: Passage, known: Known) -> Result:
    if passage.lot != gate.lot or passage.lane != gate.lane:
        return Result(passage_id=passage.passage_id, outcome="rejected", reason="foreign_lane")
    fingerprint = _fingerprint(passage)
    claim = known.claims.get(passage.passage_id)
    if claim is not None:
        if claim.fingerprint != fingerprint:
            return Result(passage_id=passage.passage_id, outcome="conflict", reason="id_reused")
        told = Result.model_validate_json(claim.answer)
        return told.model_copy(update={"outcome": "duplicate"})
    car = known.cars[passage.car_key]
    act = _enter if passage.kind == "entry" else _leave
    result = act(session, gate, passage, car=car, known=known)
    _keep(session, gate, passage, fingerprint=fingerprint, result=result, known=known)
    return result


def _enter(
    session: AsyncSession, gate: Gate, passage: Passage, *, car: CarRow, known: Known
) -> Result:
    if car.open_stay_id is not None:
        return Result(passage_id=passage.passage_id, outcome="accepted", reason="inside_already")
    stay = StayRow(
        lot=gate.lot,
        stay_id=next(_stay_ids),
        car_key=passage.car_key,
        plate=passage.plate,
        vehicle=passage.vehicle,
        state="open",
        entered_at=passage.seen_at,
        entry_lane=passage.lane,
    )
    order = OrderRow(
        lot=gate.lot,
        order_no=f"P{secrets.token_hex(15)}",
        stay_id=stay.stay_id,
        plate=passage.plate,
        opened_at=passage.seen_at,
    )
    car.open_stay_id = stay.stay_id
    known.stays[stay.stay_id], known.orders[stay.stay_id] = stay, order
    fact = {"stay_id": stay.stay_id, "entered_at": passage.seen_at.isoformat()}
    session.add_all([stay, order, _fact("entered", gate, fact)])
    return _result(passage, order, "open")


def _leave(
    session: AsyncSession, gate: Gate, passage: Passage, *, car: CarRow, known: Known
) -> Result:
    if car.open_stay_id is None:
        return Result(passage_id=passage.passage_id, outcome="accepted", decision="hold")
    stay, order = known.stays[car.open_stay_id], known.orders[car.open_stay_id]
    entered_s, left_s = int(stay.entered_at.timestamp()), int(passage.seen_at.timestamp())
    order.fee_fen = order.owed_fen = FEES[gate.plan_key](entered_s, left_s)
    stay.state, stay.exited_at, stay.exit_lane = "closed", passage.seen_at, passage.lane
    car.open_stay_id, car.last_stay_id = None, stay.stay_id
    fact = {
        "stay_id": stay.stay_id,
        "order_no": order.order_no,
        "exited_at": passage.seen_at.isoformat(),
        "fee_fen": order.fee_fen,
        "owed_fen": order.owed_fen,
    }
    session.add(_fact("left", gate, fact))
    return _result(passage, order, "none")


def _result(passage: Passage, order: OrderRow, decision: str) -> Result:
    return Result(
        passage_id=passage.passage_id,
        outcome="accepted",
        decision="open" if decision == "open" else "none",
        stay_id=order.stay_id,
        order_no=order.order_no,
    )


def _keep(
    session: AsyncSession,
    gate: Gate,
    passage: Passage,
    *,
    fingerprint: bytes,
    result: Result,
    known: Known,
) -> None:
    """Keep the raw passage and its answer, for ever."""
    claim = ClaimRow(
        lot=gate.lot,
        device=gate.device,
        passage_id=passage.passage_id,
        fingerprint=fingerprint,
        answer=result.model_dump_json(exclude_none=True),
    )
    known.claims[passage.passage_id] = claim
    raw = PassageRow(
        lot=gate.lot,
        device=gate.device,
        passage_id=passage.passage_id,
        kind=passage.kind,
        lane=passage.lane,
        car_key=passage.car_key,
        vehicle=passage.vehicle,
        seen_at=passage.seen_at,
        received_at=datetime.now(UTC),
        stay_id=result.stay_id,
    )
    session.add_all([claim, raw])


def _fact(name: str, gate: Gate, payload: dict[str, object]) -> OutboxRow:
    return OutboxRow(fact=name, payload=json.dumps({"lot": gate.lot, **payload}))


async def _count(session: AsyncSession, lot: str, moved: int) -> None:
    counted = insert(CountRow).values(lot=lot, occupied=moved)
    await session.execute(
        counted.on_conflict_do_update(
            index_elements=[CountRow.lot],
            set_={"occupied": CountRow.occupied + counted.excluded.occupied},
        )
    )


def _fingerprint(passage: Passage) -> bytes:
    return blake2b(passage.model_dump_json().encode(), digest_size=16).digest()
