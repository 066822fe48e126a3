"""The SQL of the seats that cars of fleets take.

Owns: the two statements more of a batch in which a car of a fleet comes.
Never: decides who gets a seat.
"""

from collections.abc import Sequence

from onepark.contexts.stays.case import CarCase, Seats
from onepark.contexts.stays.model import Kind
from onepark.infra.db import Tx

# In the order of the keys, after the cars: the seats of a fleet in a lot are taken by one batch
# after the other.
LOCK_SEATS = """
    SELECT pg_advisory_xact_lock(hashtextextended(name, 28))
    FROM (SELECT name FROM unnest($1::text[]) AS given (name) ORDER BY name) AS names
"""

SEATS_TAKEN = """
    SELECT given.lot_id, given.fleet_id, (
        SELECT count(*) FROM stays.stay AS stay
        WHERE stay.lot_id = given.lot_id AND stay.fleet_id = given.fleet_id
            AND stay.state = 'open') AS taken
    FROM unnest($1::bigint[], $2::bigint[]) AS given (lot_id, fleet_id)
"""


async def load_seats(tx: Tx, cases: Sequence[CarCase]) -> None:
    """Let the cars of fleets that come take seats; without one this asks nothing."""
    fleets = {
        (case.car.lot_id, one.fleet_id)
        for case in cases
        if case.benefits and any(passage.kind == Kind.ENTRY for passage in case.passages)
        for one in case.benefits
        if one.fleet_id is not None
    }
    if not fleets:
        return
    await tx.execute(LOCK_SEATS, [f"{lot_id}:{fleet_id}" for lot_id, fleet_id in fleets])
    rows = await tx.fetch(SEATS_TAKEN, [lot for lot, _ in fleets], [fleet for _, fleet in fleets])
    seats = Seats({(row["lot_id"], row["fleet_id"]): row["taken"] for row in rows})
    for case in cases:
        case.seats = seats
