"""The SQL of misread exits, of what people decide of them, and of the models that learn from it.

Owns: the one statement more of a batch that recognised a car, tasks, readings and plate models.
Never: decides; a row goes in or out as it is.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec.json import Decoder, Encoder

from onepark.contexts.stays.case import CarCase
from onepark.contexts.stays.model import Candidate, Car, Kind, Suspicion, Verdict
from onepark.contexts.stays.store import BENEFITS_MAX, benefits_of, pair_of
from onepark.contexts.stays.tasks import Misread
from onepark.infra.db import Record, Tx
from onepark.kernel.types import LotId, OperatorId, StayId

_CANDIDATES = Decoder(tuple[Candidate, ...])
_ENCODER = Encoder()

STAND_STILL = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"


async def stand_still(tx: Tx) -> None:
    """Let every following statement of the transaction see one moment."""
    await tx.execute(STAND_STILL)


# Locks and reads at once, which is too early for whatever is not locked: so all that it reads of a
# car that is inside is. A row in other hands is left out: nobody waits out of the order of keys.
LOCK_INSIDE = """
    SELECT
        car.lot_id, car.car_key, car.open_stay_id, car.last_stay_id, car.cap_anchor_at,
        car.cap_charged_fen, car.free_entries_at,
        greatest(
            car.known_until_at, inside.entered_at, before.entered_at, before.exited_at
        ) AS known_until_at,
        inside, inside_order, before, before_order,
        ARRAY(
            SELECT one FROM membership.pub_benefit AS one
            WHERE one.lot_id = ANY(ARRAY[car.lot_id, 0]) AND one.car_key = car.car_key
            ORDER BY one.until_at DESC LIMIT $4
        ) AS benefits
    FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS given (lot_id, car_key, stay_id)
    JOIN stays.car AS car
        ON car.lot_id = given.lot_id AND car.car_key = given.car_key
        AND car.open_stay_id = given.stay_id
    JOIN stays.stay AS inside
        ON inside.lot_id = car.lot_id AND inside.stay_id = car.open_stay_id
    JOIN stays.stay_order AS inside_order
        ON inside_order.lot_id = car.lot_id AND inside_order.stay_id = car.open_stay_id
    LEFT JOIN stays.stay AS before
        ON before.lot_id = car.lot_id AND before.stay_id = car.last_stay_id
    LEFT JOIN stays.stay_order AS before_order
        ON before_order.lot_id = car.lot_id AND before_order.stay_id = car.last_stay_id
    FOR NO KEY UPDATE OF car, inside, inside_order SKIP LOCKED
"""


async def lock_inside(tx: Tx, cars: Collection[tuple[int, str, StayId | None]]) -> list[CarCase]:
    """Lock cars by lot, key and open stay; return those that are inside still and in no hands."""
    keys = [[car[place] for car in cars] for place in range(3)]
    rows = await tx.fetch(LOCK_INSIDE, *keys, BENEFITS_MAX)
    return [
        CarCase(
            *(Car(*row[:8]), [], pair_of(row[8], row[9]), pair_of(row[10], row[11])),
            benefits=benefits_of(row["benefits"]),
        )
        for row in rows
    ]


# An exit that got its entry after all, and a car that has long driven off, need nobody any more.
PAGE_OF_MISREADS = """
    SELECT task.*
    FROM stays.task AS task
    LEFT JOIN stays.stay AS kept ON kept.lot_id = task.lot_id AND kept.stay_id = task.stay_id
    WHERE task.decided_at IS NULL AND task.kind = 'misread_exit' AND task.task_id > $1
        AND jsonb_array_length(task.candidates) > 0
        AND ($2::bigint IS NULL OR task.lot_id = $2)
        AND CASE task.passage_kind
            WHEN 'exit' THEN kept.state = 'entry_missing'
            ELSE task.due_at > $3
        END
    ORDER BY task.task_id
    LIMIT $4
"""

FIND_MISREAD = "SELECT * FROM stays.task WHERE task_id = $1 AND kind = 'misread_exit'"

LOCK_MISREAD = f"{FIND_MISREAD} FOR UPDATE"

DECIDE = """
    UPDATE stays.task SET decided_at = $2, decided_by = $3, chosen_stay_id = $4, outcome = $5
    WHERE task_id = $1 AND decided_at IS NULL
    RETURNING task_id
"""

# The exit that was kept under the plate as read is never folded again.
WITHDRAW_STAY = """
    WITH voided AS (
        UPDATE stays.passage SET state = 'void'
        WHERE lot_id = $1 AND stay_id = $2 AND car_key = $3 AND device_id = $4 AND passage_id = $5
            AND coalesce(of_car_key, car_key) = $3 AND coalesce(corrected_at, seen_at) = $6
    )
    UPDATE stays.stay SET state = 'misread_exit'
    WHERE lot_id = $1 AND stay_id = $2 AND state = 'entry_missing'
    RETURNING stay_id
"""

ADD_READING = """
    INSERT INTO stays.reading
        (task_id, lot_id, operator_id, camera_model, observed, actual, decided_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
"""


async def page_of_misreads(
    tx: Tx, *, after: int, lot_id: LotId | None, now: datetime, limit: int
) -> list[Misread]:
    """Return the next misreads that wait for a person, oldest first."""
    rows = await tx.fetch(PAGE_OF_MISREADS, after, lot_id, now, limit)
    return [_misread(row) for row in rows]


async def find_misread(tx: Tx, task_id: int) -> Misread | None:
    """Return a misread that this transaction may see."""
    row = await tx.fetchrow(FIND_MISREAD, task_id)
    return None if row is None else _misread(row)


async def lock_misread(tx: Tx, task_id: int) -> Misread:
    """Hold a misread and return it as it stands now."""
    row = await tx.fetchrow(LOCK_MISREAD, task_id)
    assert row is not None, "a task is never taken away"
    return _misread(row)


async def decide(
    tx: Tx, task_id: int, *, at: datetime, by: str, chosen: StayId | None, outcome: str
) -> None:
    """Note what was decided, by whom, and what came of it."""
    done = await tx.fetchval(DECIDE, task_id, at, by, chosen, outcome)
    assert done is not None, "the task was held and undecided"


async def withdraw_stay(tx: Tx, task: Misread) -> bool:
    """Say that the stay kept for an exit never was one; False if it has its entry by now."""
    passage = (task.car_key, task.device_id, task.passage_id, task.seen_at)
    return await tx.fetchval(WITHDRAW_STAY, task.lot_id, task.stay_id, *passage) is not None


async def add_reading(tx: Tx, task: Misread, *, actual: str, at: datetime) -> None:
    """Keep what the camera read and what the plate was."""
    key = (task.task_id, task.lot_id, task.operator_id)
    await tx.execute(ADD_READING, *key, task.camera_model, task.plate, actual, at)


HELD_EXITS = """
    SELECT task.*
    FROM stays.task AS task
    JOIN stays.stay AS kept ON kept.lot_id = task.lot_id AND kept.stay_id = task.stay_id
    WHERE task.decided_at IS NULL AND task.passage_kind = 'exit' AND kept.state = 'entry_missing'
        AND task.tried_at < $1 AND task.opened_at > $2
    ORDER BY task.tried_at, task.task_id LIMIT $3
"""

INSIDE_AT = """
    SELECT s.stay_id, s.car_key, s.plate, s.plate_color, s.vehicle,
        extract(epoch FROM entered_at)::bigint AS entered_s
    FROM stays.stay_order AS o
    JOIN stays.stay AS s ON s.lot_id = o.lot_id AND s.stay_id = o.stay_id
    WHERE o.lot_id = $1 AND NOT o.settled AND o.fee_fen IS NULL AND o.plate <> ''
        AND o.opened_at <= $2 AND s.state = 'open'
    ORDER BY o.opened_at DESC LIMIT $3
"""

RANK_AGAIN = """
    UPDATE stays.task SET verdict = $2, model_version = $3, candidates = $4, tried_at = $5
    WHERE task_id = $1 AND decided_at IS NULL
"""

# An exit that has its own entry by now, and a request of a car that drove off long ago.
CLOSE_OVERTAKEN = """
    UPDATE stays.task SET
        decided_at = $1, decided_by = $2,
        outcome = jsonb_build_object('task_id', task_id, 'chosen_stay_id', NULL,
            'decision', jsonb_build_object('type', 'none'))
    WHERE task_id IN (
        SELECT task.task_id
        FROM stays.task AS task
        LEFT JOIN stays.stay AS kept ON kept.lot_id = task.lot_id AND kept.stay_id = task.stay_id
        WHERE task.decided_at IS NULL
            AND (kept.state <> 'entry_missing' OR task.stay_id IS NULL AND task.due_at < $3)
        LIMIT $4 FOR UPDATE OF task SKIP LOCKED)
"""


async def held_exits(
    tx: Tx, *, tried_before: datetime, opened_after: datetime, limit: int
) -> list[Misread]:
    """Return exits that wait still and were not tried of late, the longest untried first."""
    rows = await tx.fetch(HELD_EXITS, tried_before, opened_after, limit)
    return [_misread(row) for row in rows]


async def inside_at(tx: Tx, lot_id: LotId, at: datetime, *, limit: int) -> list[Candidate]:
    """Return the cars inside a lot that came in before a moment, the last one first."""
    return [Candidate(*row) for row in await tx.fetch(INSIDE_AT, lot_id, at, limit)]


async def rank_again(tx: Tx, task_id: int, suspicion: Suspicion, *, at: datetime) -> None:
    """Note whose an exit may be as things are now."""
    candidates = _ENCODER.encode(suspicion.candidates).decode()
    told = (suspicion.verdict, suspicion.model_version, candidates, at)
    await tx.execute(RANK_AGAIN, task_id, *told)


async def close_overtaken(tx: Tx, *, at: datetime, by: str, before: datetime, limit: int) -> None:
    """Close what needs nobody any more."""
    await tx.execute(CLOSE_OVERTAKEN, at, by, before, limit)


MODEL_REVISION = "SELECT count(*) FROM stays.plate_model"  # append-only, so it always moves

LOCK_MODELS = "SELECT pg_advisory_xact_lock(hashtext('stays.plate_model'))"

NEWEST_MODELS = """
    SELECT DISTINCT ON (camera_model) camera_model, version, body FROM stays.plate_model
    ORDER BY camera_model, version DESC
"""

NEWEST_MODEL = """
    SELECT version, body, last_reading_id FROM stays.plate_model
    WHERE camera_model = $1 ORDER BY version DESC LIMIT 1
"""

CAMERAS_TO_LEARN = """
    SELECT reading.camera_model
    FROM stays.reading AS reading
    LEFT JOIN (
        SELECT camera_model, max(last_reading_id) AS last_id FROM stays.plate_model
        GROUP BY camera_model
    ) AS learned USING (camera_model)
    WHERE reading.reading_id > coalesce(learned.last_id, 0)
    GROUP BY reading.camera_model HAVING count(*) >= $1
    ORDER BY reading.camera_model LIMIT $2
"""

READINGS_AFTER = """
    SELECT reading_id, observed, actual FROM stays.reading
    WHERE camera_model = $1 AND reading_id > $2
    ORDER BY reading_id LIMIT $3
"""

ADD_MODEL = """
    INSERT INTO stays.plate_model
        (camera_model, version, body, readings, last_reading_id, learned_at)
    VALUES ($1, $2, $3, $4, $5, $6)
"""


class ModelRow(NamedTuple):
    """The newest version of a kind of camera."""

    camera_model: str
    version: int
    body: str


class Reading(NamedTuple):
    """What a camera read and what the plate was."""

    reading_id: int
    observed: str
    actual: str


class LearnedModel(NamedTuple):
    """A new version, and the last reading that is in it."""

    camera_model: str
    version: int
    body: str
    readings: int
    last_reading_id: int


async def model_revision(tx: Tx) -> int:
    """Return the number that moves with every new version."""
    number: int = await tx.fetchval(MODEL_REVISION)
    return number


async def lock_models(tx: Tx) -> None:
    """Let one process learn at a time."""
    await tx.execute(LOCK_MODELS)


async def newest_models(tx: Tx) -> list[ModelRow]:
    """Return the newest version of every kind of camera."""
    return [ModelRow(*row) for row in await tx.fetch(NEWEST_MODELS)]


async def newest_model(tx: Tx, camera_model: str) -> tuple[int, str, int] | None:
    """Return version, body and last reading of the newest model of one kind of camera."""
    row = await tx.fetchrow(NEWEST_MODEL, camera_model)
    return None if row is None else (row[0], row[1], row[2])


async def cameras_to_learn(tx: Tx, readings_min: int, *, limit: int) -> list[str]:
    """Return the kinds of camera with that many readings since their last version."""
    return [row[0] for row in await tx.fetch(CAMERAS_TO_LEARN, readings_min, limit)]


async def readings_after(
    tx: Tx, camera_model: str, reading_id: int, *, limit: int
) -> Sequence[Reading]:
    """Return the next readings of one kind of camera."""
    rows = await tx.fetch(READINGS_AFTER, camera_model, reading_id, limit)
    return [Reading(*row) for row in rows]


async def add_model(tx: Tx, learned: LearnedModel, *, at: datetime) -> None:
    """Keep a new version."""
    await tx.execute(ADD_MODEL, *learned, at)


def _misread(row: Record) -> Misread:
    return Misread(
        task_id=row["task_id"],
        lot_id=row["lot_id"],
        operator_id=OperatorId(row["operator_id"]),
        device_id=row["device_id"],
        passage_id=row["passage_id"],
        passage_kind=Kind(row["passage_kind"]),
        lane=row["lane"],
        car_key=row["car_key"],
        plate=row["plate"],
        plate_raw=row["plate_raw"],
        plate_color=row["plate_color"],
        vehicle=row["vehicle"],
        camera_model=row["camera_model"],
        image_url=row["image_url"],
        seen_at=row["seen_at"],
        opened_at=row["opened_at"],
        due_at=row["due_at"],
        stay_id=row["stay_id"],
        verdict=Verdict(row["verdict"]),
        candidates=_CANDIDATES.decode(row["candidates"]),
        decided_at=row["decided_at"],
        chosen_stay_id=row["chosen_stay_id"],
        outcome=row["outcome"],
    )
