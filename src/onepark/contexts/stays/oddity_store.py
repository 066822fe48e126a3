"""The SQL of what is odd of stays.

Owns: every statement on stays.oddity, and the exits in which it is looked for.
Never: decides; a row goes in or out as it is.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec.json import Decoder, Encoder

from onepark.contexts.stays.model import LaneMoment
from onepark.contexts.stays.oddities import Found, FoundView, OddStay
from onepark.infra.db import Tx, columns_of
from onepark.kernel.types import Fen, LotId, OrderNo, PlanId, StayId

StayKey = tuple[LotId, StayId]

_ENCODER, _FOUND = Encoder(), Decoder(tuple[FoundView, ...])

# Each fact is taken once, whenever it is committed: no number is a cursor that a late one misses.
TAKE_LEFT = """
    WITH taken AS (
        DELETE FROM stays.outbox WHERE id IN (
            SELECT id FROM stays.outbox WHERE fact = 'stays.left.v1'
            ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
        RETURNING payload::jsonb AS told
    ), owing AS (
        SELECT DISTINCT
            (told ->> 'lot_id')::bigint AS lot_id, (told ->> 'stay_id')::bigint AS stay_id
        FROM taken WHERE (told ->> 'owed_fen')::bigint > 0
    )
    SELECT
        (SELECT count(*) FROM taken) AS taken,
        coalesce((SELECT array_agg(lot_id) FROM owing), '{}') AS lots,
        coalesce((SELECT array_agg(stay_id) FROM owing), '{}') AS stays
"""

# What a person has confirmed stands.
TO_JUDGE_AGAIN = """
    SELECT oddity.lot_id, oddity.stay_id FROM stays.oddity AS oddity
    WHERE oddity.judged_at < $1 AND oddity.seen_at > $2 AND oddity.kind = ANY ($3)
        AND NOT EXISTS (
            SELECT FROM stays.ruling AS ruling
            WHERE ruling.lot_id = oddity.lot_id AND ruling.stay_id = oddity.stay_id)
    ORDER BY oddity.judged_at LIMIT $4
"""

EXITS = """
    SELECT seen.*
    FROM unnest($1::bigint[], $2::bigint[]) AS given (lot_id, stay_id)
    JOIN stays.seen_exit AS seen ON seen.lot_id = given.lot_id AND seen.stay_id = given.stay_id
"""

LEFT_NEAR = """
    SELECT given.place, seen.*
    FROM unnest($1::bigint[], $2::text[], $3::timestamptz[]) WITH ORDINALITY
        AS given (lot_id, lane, at, place)
    JOIN stays.seen_exit AS seen
        ON seen.lot_id = given.lot_id AND seen.lane = given.lane
        AND seen.exited_at BETWEEN given.at - $4::interval AND given.at + $4::interval
"""

# Of cars that are inside still, by the books; those of a lot are read once for all its moments.
ASKED_NEAR = """
    WITH given AS (
        SELECT * FROM unnest($1::bigint[], $2::text[], $3::timestamptz[]) WITH ORDINALITY
            AS given (lot_id, lane, at, place)
    ), asking AS MATERIALIZED (
        SELECT inside.* FROM (
            SELECT lot_id, min(at) - $4::interval AS from_at, max(at) AS until_at
            FROM given GROUP BY lot_id
        ) AS lot
        JOIN stays.stay_order AS inside
            ON inside.lot_id = lot.lot_id AND NOT inside.settled AND inside.fee_fen IS NULL
            AND inside.quoted_at BETWEEN lot.from_at AND lot.until_at
    )
    SELECT given.place, asking.stay_id, asking.order_no, asking.quoted_at,
        convert_from(claim.answer, 'UTF8')::jsonb #>> '{decision,type}' = 'open' AS is_open
    FROM given
    JOIN asking
        ON asking.lot_id = given.lot_id AND asking.asked_lane = given.lane
        AND asking.quoted_at BETWEEN given.at - $4::interval AND given.at
    LEFT JOIN stays.claim AS claim
        ON claim.lot_id = asking.lot_id AND claim.device_id = asking.asked_device_id
        AND claim.passage_id = asking.asked_passage_id
"""

DROP_OTHERS = """
    DELETE FROM stays.oddity AS oddity
    USING unnest($1::bigint[], $2::bigint[], $3::text[]) AS given (lot_id, stay_id, kind)
    WHERE oddity.lot_id = given.lot_id AND oddity.stay_id = given.stay_id
        AND oddity.kind = ANY ($4) AND coalesce(oddity.kind <> given.kind, true)
"""

KEEP = """
    INSERT INTO stays.oddity AS oddity (
        lot_id, stay_id, operator_id, kind, owner, seen_at, proof, found_at, judged_at, due_at)
    SELECT given.*, $8::timestamptz, $8::timestamptz, $8::timestamptz + $9::interval
    FROM unnest(
            $1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::timestamptz[],
            $7::jsonb[])
        AS given (lot_id, stay_id, operator_id, kind, owner, seen_at, proof)
    ON CONFLICT (lot_id, stay_id, kind) DO UPDATE SET
        seen_at = excluded.seen_at, proof = excluded.proof, judged_at = excluded.judged_at
"""

# A second look at an entry by the camera of the same lane is ordinary.
NOTE_ENTERED_AGAIN = """
    WITH noted AS (
        INSERT INTO stays.oddity (
            lot_id, stay_id, operator_id, kind, owner, seen_at, found_at, due_at, judged_at, proof)
        SELECT DISTINCT ON (stay.lot_id, stay.stay_id)
            stay.lot_id, stay.stay_id, stay.operator_id, 'duplicate_entry', 'operator',
            stay.entered_at, $1, $1::timestamptz + $2::interval, $1,
            jsonb_build_object('type', 'entered_again', 'lane', again.lane,
                'device', again.device_id, 'passage_id', again.passage_id,
                'seen_at', coalesce(again.corrected_at, again.seen_at))
        FROM stays.passage AS again
        JOIN stays.stay AS stay ON stay.lot_id = again.lot_id AND stay.stay_id = again.stay_id
        WHERE again.state = 'duplicate_entry' AND again.received_at > $3
            AND again.lane <> stay.entry_lane AND stay.state IN ('open', 'closed')
        ORDER BY stay.lot_id, stay.stay_id, again.received_at
        LIMIT $4
        ON CONFLICT (lot_id, stay_id, kind) DO NOTHING
        RETURNING 1
    )
    SELECT count(*) FROM noted
"""

# The passage may turn out to be none, or another car's.
FORGET_ENTERED_AGAIN = """
    DELETE FROM stays.oddity AS oddity USING stays.stay AS stay
    WHERE oddity.kind = 'duplicate_entry' AND oddity.seen_at > $1
        AND stay.lot_id = oddity.lot_id AND stay.stay_id = oddity.stay_id
        AND NOT EXISTS (
            SELECT FROM stays.passage AS again
            WHERE again.lot_id = stay.lot_id
                AND coalesce(again.of_car_key, again.car_key) = stay.car_key
                AND coalesce(again.corrected_at, again.seen_at)
                    = (oddity.proof ->> 'seen_at')::timestamptz
                AND again.state = 'duplicate_entry' AND again.stay_id = stay.stay_id)
"""

# Few stays of a lot are odd by themselves, and few were found to be: each half has its own index.
ODD_STAYS = """
    WITH odd AS (
        (SELECT stay.stay_id FROM stays.stay AS stay
        WHERE stay.lot_id = $1 AND stay.stay_id > $2
            AND (stay.state IN ('entry_missing', 'exit_missing') OR stay.marks <> '{}')
            AND stay.state NOT IN ('void', 'misread_exit')
            AND (stay.plate <> '' OR stay.state IN ('entry_missing', 'exit_missing')
                OR NOT stay.marks <@ '{plate_suspect}'
                OR stay.state = 'open' AND stay.entered_at < $4)
            AND NOT EXISTS (
                SELECT FROM stays.ruling AS ruling
                WHERE ruling.lot_id = stay.lot_id AND ruling.stay_id = stay.stay_id)
        ORDER BY stay.stay_id LIMIT $3)
        UNION
        (SELECT DISTINCT found.stay_id FROM stays.oddity AS found
        JOIN stays.stay AS stay
            ON stay.lot_id = found.lot_id AND stay.stay_id = found.stay_id
            AND stay.state IN ('open', 'closed')
            AND found.seen_at IN (stay.entered_at, stay.exited_at)
        WHERE found.lot_id = $1 AND found.stay_id > $2
            AND NOT EXISTS (
                SELECT FROM stays.ruling AS ruling
                WHERE ruling.lot_id = found.lot_id AND ruling.stay_id = found.stay_id)
        ORDER BY found.stay_id LIMIT $3)
    )
    SELECT
        stay.stay_id, stay.operator_id, stay.plate, stay.plate_color, stay.state, stay.marks,
        stay.entered_at, stay.exited_at,
        (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'oddity', found.kind, 'owner', found.owner, 'found_at', found.found_at,
                'due_at', found.due_at, 'proof', found.proof) ORDER BY found.kind), '[]')
            FROM stays.oddity AS found
            WHERE found.lot_id = stay.lot_id AND found.stay_id = stay.stay_id
                AND stay.state IN ('open', 'closed')
                AND found.seen_at IN (stay.entered_at, stay.exited_at)
        ) AS found
    FROM odd JOIN stays.stay AS stay ON stay.lot_id = $1 AND stay.stay_id = odd.stay_id
    ORDER BY stay.stay_id LIMIT $3
"""


class SeenExit(NamedTuple):
    """An exit that ended a stay; the fields stand in the order of stays.seen_exit."""

    lot_id: LotId
    stay_id: StayId
    operator_id: int
    plan_id: PlanId | None
    lane: str
    entered_at: datetime
    exited_at: datetime
    order_no: OrderNo
    fee_fen: Fen
    paid_fen: Fen  # by then
    last_paid_at: datetime | None
    opened_at: datetime | None  # when an answer last let it out
    device_id: str
    received_at: datetime
    derived: bool


class Asking(NamedTuple):
    """A car that asked to leave and has not gone yet; when it was let out, if it was."""

    stay_id: StayId
    order_no: OrderNo
    opened_at: datetime | None


async def take_left(tx: Tx, *, limit: int) -> tuple[int, list[StayKey]]:
    """Take the oldest facts of cars that left; return how many, and the stays that owed then."""
    row = await tx.fetchrow(TAKE_LEFT, limit)
    assert row is not None, "an aggregate has a row"
    return row["taken"], list(zip(row["lots"], row["stays"], strict=True))


async def to_judge_again(
    tx: Tx, kinds: Sequence[str], *, judged_before: datetime, seen_after: datetime, limit: int
) -> list[StayKey]:
    """Return stays of which something odd was found, the longest not looked at first."""
    rows = await tx.fetch(TO_JUDGE_AGAIN, judged_before, seen_after, kinds, limit)
    return [(row["lot_id"], row["stay_id"]) for row in rows]


async def exits(tx: Tx, keys: Sequence[StayKey]) -> list[SeenExit]:
    """Return the exits of these stays, where one was seen."""
    rows = await tx.fetch(EXITS, [key[0] for key in keys], [key[1] for key in keys])
    return [SeenExit(*row) for row in rows]


async def left_near(
    tx: Tx, asked: Sequence[LaneMoment], *, within: timedelta
) -> list[list[SeenExit]]:
    """Return for each moment at a lane the exits there that were so near."""
    near: list[list[SeenExit]] = [[] for _ in asked]
    for place, *told in await tx.fetch(LEFT_NEAR, *columns_of(asked), within):
        near[place - 1].append(SeenExit(*told))
    return near


async def asked_near(
    tx: Tx, asked: Sequence[LaneMoment], *, within: timedelta
) -> list[list[Asking]]:
    """Return for each moment at a lane the cars inside that had asked there so lately."""
    near: list[list[Asking]] = [[] for _ in asked]
    for row in await tx.fetch(ASKED_NEAR, *columns_of(asked), within):
        opened_at = row["quoted_at"] if row["is_open"] else None
        near[row["place"] - 1].append(Asking(row["stay_id"], row["order_no"], opened_at))
    return near


async def keep(
    tx: Tx,
    judged: dict[StayKey, Found | None],
    kinds: Sequence[str],
    *,
    at: datetime,
    due_in: timedelta,
) -> None:
    """Keep what was found of each stay, of these kinds, and nothing else of them."""
    now = [None if found is None else found.kind for found in judged.values()]
    lots, stays = [key[0] for key in judged], [key[1] for key in judged]
    await tx.execute(DROP_OTHERS, lots, stays, now, kinds)
    rows = [
        (*found[:3], found.kind, found.owner, found.seen_at, _ENCODER.encode(found.proof).decode())
        for found in judged.values()
        if found is not None
    ]
    if rows:
        await tx.execute(KEEP, *columns_of(rows), at, due_in)


async def note_entered_again(
    tx: Tx, at: datetime, *, due_in: timedelta, received_after: datetime, limit: int
) -> int:
    """Note cars that went in at two lanes within a moment; return how many are new."""
    found: int = await tx.fetchval(NOTE_ENTERED_AGAIN, at, due_in, received_after, limit)
    return found


async def forget_entered_again(tx: Tx, *, seen_after: datetime) -> None:
    """Forget second entries that are none any more."""
    await tx.execute(FORGET_ENTERED_AGAIN, seen_after)


async def odd_stays(
    tx: Tx, lot_id: LotId, *, after: StayId, limit: int, no_plate_before: datetime
) -> list[OddStay]:
    """Return the next stays of a lot that nobody has looked at, oldest first.

    A car without a plate is odd if it came before a moment and is inside still.
    """
    rows = await tx.fetch(ODD_STAYS, lot_id, after, limit, no_plate_before)
    return [OddStay(**{**row, "found": _FOUND.decode(row["found"])}) for row in rows]
