"""The SQL of what came before and after a late passage.

Owns: the one statement more of a batch that holds late passages, and what it amends.
Never: decides; a row goes in or out as it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from onepark import _native
from onepark.contexts.stays.case import Amended, CarCase, History, Known
from onepark.contexts.stays.model import Kind, Passage, PassageState
from onepark.contexts.stays.moments import is_late
from onepark.contexts.stays.refold import history_of, is_whole
from onepark.contexts.stays.store import pair_of
from onepark.contexts.stays.tasks import DESK
from onepark.contexts.stays.visits import REMEMBERED
from onepark.infra.db import Record, Tx

REFOLDED_MAX = 2_000  # passages of one car; what is late by more is kept and moves nothing

# What came before a late passage stands. A visit that an entry began hangs on nothing before it
# but the visits that a quota counts, and is folded again whole; one that its exit began is over,
# and all after it is folded again. A request to leave counts as an exit where the opened barrier
# was all that was heard of one.
HISTORY = """
    WITH given AS MATERIALIZED (
        SELECT given.*, first.begun_at AS from_at, first.by_exit
        FROM unnest($1::bigint[], $2::text[], $3::timestamptz[])
            AS given (lot_id, car_key, late_at)
        LEFT JOIN LATERAL (
            SELECT
                CASE WHEN entry_lane IS NULL THEN exited_at ELSE entered_at END AS begun_at,
                entry_lane IS NULL AS by_exit
            FROM stays.stay
            WHERE lot_id = given.lot_id AND car_key = given.car_key
                AND state NOT IN ('misread_exit', 'void')
                AND CASE WHEN entry_lane IS NULL THEN exited_at ELSE entered_at END < given.late_at
            ORDER BY 1 DESC LIMIT 1
        ) AS first ON true
    )
    SELECT
        given.lot_id, given.car_key, given.from_at, coalesce(given.by_exit, false) AS by_exit,
        passages.found AS passages, stays.found AS stays
    FROM given
    LEFT JOIN LATERAL (
        SELECT array_agg(passage) AS found
        FROM (
            SELECT passage FROM stays.passage AS passage
            LEFT JOIN stays.stay AS stay
                ON stay.lot_id = passage.lot_id AND stay.stay_id = passage.stay_id
            WHERE passage.lot_id = given.lot_id
                AND coalesce(passage.of_car_key, passage.car_key) = given.car_key
                AND coalesce(passage.corrected_at, passage.seen_at)
                    >= coalesce(given.from_at, '-infinity')
                AND passage.state <> 'void'
                AND (passage.kind <> 'exit_request' OR passage.state IN ('folded', 'late'))
                AND coalesce(stay.car_key = given.car_key, true)
            LIMIT $4
        ) AS later
    ) AS passages ON true
    LEFT JOIN LATERAL (
        SELECT array_agg(ROW(stay, stay_order)::stays.stay_and_order) AS found
        FROM stays.stay AS stay
        LEFT JOIN stays.stay_order AS stay_order
            ON stay_order.lot_id = stay.lot_id AND stay_order.stay_id = stay.stay_id
        WHERE stay.lot_id = given.lot_id AND stay.car_key = given.car_key
            AND stay.state NOT IN ('misread_exit', 'void')
            AND coalesce(stay.entered_at, stay.exited_at)
                >= coalesce(given.from_at - $5::interval, '-infinity')
    ) AS stays ON true
"""

AMEND = """
    UPDATE stays.passage AS passage SET state = given.state, stay_id = given.stay_id
    FROM unnest($1::stays.amended_row[]) AS given
    WHERE passage.lot_id = given.lot_id AND passage.device_id = given.device_id
        AND passage.passage_id = given.passage_id AND passage.received_at = given.received_at
"""


async def load_history(
    tx: Tx, cases: Iterable[CarCase], *, since: Mapping[tuple[int, str], datetime] | None = None
) -> None:
    """Give every car with late passages what it must be folded again with.

    ``since`` names cars that are folded again from a moment on whatever comes: what they came from
    may be gone.
    """
    since = since or {}
    late = {
        (case.car.lot_id, case.car.car_key): case
        for case in cases
        if late_at(case) or (case.car.lot_id, case.car.car_key) in since
    }
    if not late:
        return
    rows = await tx.fetch(
        HISTORY,
        [lot_id for lot_id, _ in late],
        [car_key for _, car_key in late],
        [min(filter(None, (late_at(case), since.get(key)))) for key, case in late.items()],
        REFOLDED_MAX + 1,
        REMEMBERED,
    )
    for row in rows:
        history, key = _history(row), (row["lot_id"], row["car_key"])
        if len(history.known) <= REFOLDED_MAX and (key in since or is_whole(history)):
            late[key].history = history


def late_at(case: CarCase) -> datetime | None:
    """Return the first moment that a car's late passages speak of; None if there are none."""
    late = (one.seen_at for one in case.passages if is_late(one, case.car))
    return min(late, default=None)


async def amend(tx: Tx, amended: Sequence[Amended]) -> None:
    """Note what passages of before have come to instead."""
    await tx.execute(AMEND, amended)


def _history(row: Record) -> History:
    known = [known_of(one) for one in row["passages"] or ()]
    pairs = [pair for pair in (pair_of(*both) for both in row["stays"] or ()) if pair is not None]
    return history_of(known, pairs, from_at=row["from_at"], by_exit=row["by_exit"])


def known_of(row: Record) -> Known:
    """Return a row of stays.passage as a noun."""
    plate, _, _ = row["car_key"].rpartition("/")
    plate = "" if row["car_key"].startswith(("ticket:", "unread:")) else plate
    is_request = row["kind"] == Kind.EXIT_REQUEST
    corrected_at = row["corrected_at"]
    passage = Passage(
        lot_id=row["lot_id"],
        operator_id=row["operator_id"],
        device_id=row["device_id"],
        passage_id=row["passage_id"],
        lane=row["lane"],
        confirms_exit=not is_request,
        kind=Kind.EXIT if is_request else Kind(row["kind"]),
        car_key=row["car_key"],
        plate=plate,
        plate_raw=row["plate_raw"],
        plate_color=row["plate_color"],
        vehicle=row["vehicle"],
        seen_at=corrected_at or row["seen_at"],
        received_at=row["received_at"],
        fingerprint=b"",
        epoch=row["epoch"],
        seq=row["seq"],
        ticket=row["ticket"],
        entered_at=row["entered_at"],
        plate_suspect=not _native.plate_is_plausible(plate, row["plate_color"]),
        derived=is_request or bool(row["derived"]),
        decided_for=("", "") if row["device_id"] == DESK else None,
        zone=row["zone"],
        clock_suspect=bool(row["clock_suspect"]),
    )
    return Known(passage, PassageState(row["state"]), row["stay_id"])
