"""The SQL of files, lines and movements.

Owns: every statement on the tables of schema reconciliation but those of differences.
Never: decides; a row goes in or out as it is.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple

from onepark.contexts.reconciliation.model import (
    BillLine,
    Booked,
    DayKey,
    DayState,
    DayView,
    Fetched,
    FileKind,
    LineKind,
    LineState,
    Movement,
    Thing,
)
from onepark.infra.db import Record, Tx
from onepark.kernel.types import Fen

WANT = """
    INSERT INTO reconciliation.day (channel, kind, day, next_try_at)
    SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::date[]), $4
    ON CONFLICT DO NOTHING
"""

TAKE_DUE = """
    UPDATE reconciliation.day SET tries = tries + 1, next_try_at = $1::timestamptz + $2::interval
    WHERE (channel, kind, day) = (
        SELECT channel, kind, day FROM reconciliation.day
        WHERE next_try_at <= $1 AND state IN ('wanted', 'refused') AND channel = ANY($3::text[])
            AND kind <> 'bank'
        ORDER BY next_try_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING channel, kind, day, tries
"""

MARK = """
    UPDATE reconciliation.day SET state = $4, reason = $5, next_try_at = $6, matched_at = NULL
    WHERE channel = $1 AND kind = $2 AND day = $3 AND state <> 'read'
"""

READ = """
    INSERT INTO reconciliation.day AS kept (channel, kind, day, state, next_try_at, file_id, sha256,
        rows, trade_fen, refund_fen, fee_fen)
    VALUES ($1, $2, $3, 'read', $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (channel, kind, day) DO UPDATE SET
        state = 'read', reason = NULL, next_try_at = excluded.next_try_at,
        file_id = excluded.file_id,
        sha256 = excluded.sha256, rows = excluded.rows,
        trade_fen = excluded.trade_fen, refund_fen = excluded.refund_fen,
        fee_fen = excluded.fee_fen, matched_at = NULL
    WHERE (kept.file_id = excluded.file_id) IS NOT TRUE
    RETURNING day
"""

MATCH_AGAIN = """
    UPDATE reconciliation.day SET matched_at = NULL
    WHERE channel = $1 AND day = $2 AND state IN ('read', 'empty')
"""

TO_MATCH = """
    SELECT channel, day FROM reconciliation.day
    WHERE matched_at IS NULL AND state IN ('read', 'empty') AND channel = ANY($1::text[])
        AND kind <> 'bank' AND next_try_at <= $2
    ORDER BY day, channel LIMIT 1
"""

MATCH_LATER = """
    UPDATE reconciliation.day SET next_try_at = $3
    WHERE channel = $1 AND day = $2 AND state IN ('read', 'empty')
"""

MATCHED = """
    UPDATE reconciliation.day SET matched_at = $3
    WHERE channel = $1 AND day = $2 AND state IN ('read', 'empty')
"""

STATES = "SELECT kind, state FROM reconciliation.day WHERE channel = $1 AND day = $2"

KEEP_FILE = """
    INSERT INTO reconciliation.file
        (channel, kind, day, sha256, sha1, body, fetched_at, fetched_by, refused)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (channel, kind, day, sha256) DO NOTHING
    RETURNING file_id
"""

HAS_ROWS = """
    SELECT EXISTS (SELECT FROM reconciliation.line WHERE file_id = $1)
        OR EXISTS (SELECT FROM reconciliation.movement WHERE file_id = $1)
"""

FILE_KNOWN = """
    SELECT file_id FROM reconciliation.file
    WHERE channel = $1 AND kind = $2 AND day = $3 AND sha256 = $4
"""


class Taken(NamedTuple):
    """A file that is asked for now, for the how manieth time."""

    key: DayKey
    tries: int


class KeptFile(NamedTuple):
    """A file as it is known after it was kept."""

    file_id: int
    sha256: bytes


class Totals(NamedTuple):
    """What a file adds up to."""

    rows: int
    trade_fen: int = 0
    refund_fen: int = 0
    fee_fen: int = 0


async def want(tx: Tx, keys: Sequence[DayKey], at: datetime) -> None:
    """Note which files there should be."""
    channels, kinds, days = zip(*keys, strict=True)
    await tx.execute(WANT, channels, kinds, days, at)


async def take_due(tx: Tx, channels: list[str], now: datetime, lease: object) -> Taken | None:
    """Take one file that is due; nobody else takes it while the lease lasts."""
    row = await tx.fetchrow(TAKE_DUE, now, lease, channels)
    if row is None:
        return None
    return Taken(DayKey(row["channel"], FileKind(row["kind"]), row["day"]), row["tries"])


async def mark(
    tx: Tx, key: DayKey, state: DayState, *, reason: str | None, next_try_at: datetime
) -> None:
    """Note how far a file is that was not read."""
    await tx.execute(MARK, *key, state, reason, next_try_at)


async def read(tx: Tx, key: DayKey, file: KeptFile, totals: Totals, *, at: datetime) -> bool:
    """Note the file of a day and what it adds up to; False if that file was noted before."""
    return await tx.fetchval(READ, *key, at, *file, *totals) is not None


async def match_again(tx: Tx, channel: str, day: date) -> None:
    """Have a day compared anew."""
    await tx.execute(MATCH_AGAIN, channel, day)


async def to_match(tx: Tx, channels: list[str], now: datetime) -> tuple[str, date] | None:
    """Return the earliest day that was not compared and need not wait."""
    row = await tx.fetchrow(TO_MATCH, channels, now)
    return None if row is None else (row["channel"], row["day"])


async def match_later(tx: Tx, channel: str, day: date, at: datetime) -> None:
    """Let a day wait that cannot be compared, so that it holds up no other."""
    await tx.execute(MATCH_LATER, channel, day, at)


async def matched(tx: Tx, channel: str, day: date, at: datetime) -> None:
    """Note that the files of a day are compared."""
    await tx.execute(MATCHED, channel, day, at)


async def states(tx: Tx, channel: str, day: date) -> dict[FileKind, DayState]:
    """Return how far the files of a day are."""
    rows = await tx.fetch(STATES, channel, day)
    return {FileKind(row["kind"]): DayState(row["state"]) for row in rows}


async def keep_file(
    tx: Tx,
    key: DayKey,
    fetched: Fetched,
    sha256: bytes,
    *,
    at: datetime,
    by: str,
    refused: str | None,
) -> int:
    """Keep a file as it came, once, and return its number."""
    number: int | None = await tx.fetchval(
        KEEP_FILE, *key, sha256, fetched.sha1, fetched.body, at, by, refused
    )
    return number if number is not None else await tx.fetchval(FILE_KNOWN, *key, sha256)


async def has_rows(tx: Tx, file_id: int) -> bool:
    """Say whether the rows of a file are kept."""
    found: bool = await tx.fetchval(HAS_ROWS, file_id)
    return found


LINE_COLUMNS = (
    *("file_id", "line_no", "channel", "day", "kind", "provider_txn", "our_no", "amount_fen"),
    *("settled_fen", "fee_fen", "at", "state", "currency", "fund_key", "of_no", "fee_ppm", "app"),
)
MOVEMENT_COLUMNS = (
    *("file_id", "line_no", "channel", "day", "kind", "number", "fund_key", "amount_fen", "at"),
    "currency",
)


async def add_lines(tx: Tx, file_id: int, key: DayKey, lines: Iterable[BillLine]) -> None:
    """Keep the lines of a trade bill."""
    records = [
        (file_id, one.line_no, key.channel, key.day, one.kind.value, one.provider_txn, one.our_no,
         one.amount_fen, one.settled_fen, one.fee_fen, one.at, one.state.value, one.currency,
         one.fund_key, one.of_no, one.fee_ppm, one.app)
        for one in lines
    ]  # fmt: skip
    await tx.copy_records_to_table(
        "line", schema_name="reconciliation", columns=LINE_COLUMNS, records=records
    )


async def add_movements(tx: Tx, file_id: int, key: DayKey, moved: Iterable[Movement]) -> None:
    """Keep the movements of an account."""
    records = [
        (file_id, one.line_no, key.channel, key.day, one.kind.value, one.number, one.fund_key,
         one.amount_fen, one.at, one.currency)
        for one in moved
    ]  # fmt: skip
    await tx.copy_records_to_table(
        "movement", schema_name="reconciliation", columns=MOVEMENT_COLUMNS, records=records
    )


# Only the file that a day goes by counts; one that was replaced is kept and read no more.
LINES_OF_DAY = """
    SELECT line.* FROM reconciliation.line JOIN reconciliation.day USING (file_id)
    WHERE day.channel = $1 AND day.kind = 'trade' AND day.day = $2 ORDER BY line_no
"""

BOOKED_ELSEWHERE = """
    SELECT line.kind, line.our_no, line.provider_txn, line.day
    FROM reconciliation.line JOIN reconciliation.day USING (file_id)
    WHERE line.channel = $1 AND line.our_no = ANY($2::text[]) AND line.day <> $3
"""

FUND_KEYS_OF_DAY = """
    SELECT line.fund_key FROM reconciliation.line JOIN reconciliation.day USING (file_id)
    WHERE day.channel = $1 AND day.kind = 'trade' AND day.day = $2
    UNION
    SELECT movement.fund_key FROM reconciliation.movement JOIN reconciliation.day USING (file_id)
    WHERE day.channel = $1 AND day.kind = 'fund' AND day.day = $2
        AND movement.kind IN ('trade', 'refund', 'fee')
"""

LINES_OF_FUND_KEYS = """
    SELECT line.* FROM reconciliation.line JOIN reconciliation.day USING (file_id)
    WHERE line.channel = $1 AND line.fund_key = ANY($2::text[])
"""

MOVEMENTS_OF_FUND_KEYS = """
    SELECT movement.* FROM reconciliation.movement JOIN reconciliation.day USING (file_id)
    WHERE movement.channel = $1 AND movement.fund_key = ANY($2::text[])
        AND movement.kind IN ('trade', 'refund', 'fee')
"""

PAYOUTS = """
    SELECT movement.* FROM reconciliation.movement JOIN reconciliation.day USING (file_id)
    WHERE movement.kind = 'payout' AND movement.at >= $1 AND (day.kind = 'bank') = $2
        AND movement.currency = 'CNY'
    ORDER BY movement.at, movement.number
"""

BANK_KNOWN_UNTIL = """
    SELECT max(day) FROM reconciliation.day WHERE kind = 'bank' AND state = 'read'
"""


async def lines_of_day(tx: Tx, channel: str, day: date) -> list[BillLine]:
    """Return the lines of a day's trade bill."""
    return [_line(row) for row in await tx.fetch(LINES_OF_DAY, channel, day)]


async def booked_elsewhere(tx: Tx, channel: str, day: date, numbers: list[str]) -> list[Booked]:
    """Return where bills of other days name these numbers."""
    rows = await tx.fetch(BOOKED_ELSEWHERE, channel, numbers, day)
    return [
        Booked(Thing(LineKind(row["kind"]), row["our_no"]), row["provider_txn"], row["day"])
        for row in rows
    ]


async def fund_keys_of_day(tx: Tx, channel: str, day: date) -> list[str]:
    """Return what a day's bill or account is about."""
    return [row["fund_key"] for row in await tx.fetch(FUND_KEYS_OF_DAY, channel, day)]


async def lines_of_fund_keys(tx: Tx, channel: str, keys: list[str]) -> list[BillLine]:
    """Return all lines of these things, of whatever day."""
    return [_line(row) for row in await tx.fetch(LINES_OF_FUND_KEYS, channel, keys)]


async def movements_of_fund_keys(tx: Tx, channel: str, keys: list[str]) -> list[Movement]:
    """Return all movements for these things, of whatever day."""
    return [_movement(row) for row in await tx.fetch(MOVEMENTS_OF_FUND_KEYS, channel, keys)]


async def payouts(tx: Tx, since: datetime, *, at_bank: bool) -> list[tuple[str, Movement]]:
    """Return what providers paid out, or what came to the bank, with the channel of each."""
    return [(row["channel"], _movement(row)) for row in await tx.fetch(PAYOUTS, since, at_bank)]


async def bank_known_until(tx: Tx) -> date | None:
    """Return the last day of the bank statements."""
    day: date | None = await tx.fetchval(BANK_KNOWN_UNTIL)
    return day


DAYS = """
    SELECT day.channel, day.kind, day.day, state, tries, reason, rows, trade_fen, refund_fen,
        fee_fen, encode(sha256, 'hex') AS sha256, matched_at
    FROM reconciliation.day
    WHERE ($1::text IS NULL OR day.channel = $1) AND day.day BETWEEN $2 AND $3
    ORDER BY day.day DESC, day.channel, day.kind LIMIT $4
"""


async def days(
    tx: Tx, *, channel: str | None, since: date, until: date, limit: int
) -> list[DayView]:
    """Return the files of a span of days."""
    rows = await tx.fetch(DAYS, channel, since, until, limit)
    return [
        DayView(**{**row, "kind": FileKind(row["kind"]), "state": DayState(row["state"])})
        for row in map(dict, rows)
    ]


def _line(row: Record) -> BillLine:
    return BillLine(
        provider=row["channel"],
        kind=LineKind(row["kind"]),
        provider_txn=row["provider_txn"],
        our_no=row["our_no"],
        amount_fen=Fen(row["amount_fen"]),
        settled_fen=Fen(row["settled_fen"]),
        fee_fen=Fen(row["fee_fen"]),
        at=row["at"],
        state=LineState(row["state"]),
        line_no=row["line_no"],
        currency=row["currency"],
        fund_key=row["fund_key"],
        of_no=row["of_no"],
        fee_ppm=row["fee_ppm"],
        app=row["app"],
    )


def _movement(row: Record) -> Movement:
    return Movement(
        provider=row["channel"],
        kind=LineKind(row["kind"]),
        number=row["number"],
        fund_key=row["fund_key"],
        amount_fen=Fen(row["amount_fen"]),
        at=row["at"],
        line_no=row["line_no"],
        currency=row["currency"],
    )
