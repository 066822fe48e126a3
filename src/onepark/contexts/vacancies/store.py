"""Where counts are kept.

Owns: the counts and calibrations in PostgreSQL, which are the truth, and their copy in Redis, one
hash a lot.
Never: decides which of the two is shown.

A lot's hash holds one field a pool, ``incarnation:n:occupied:changed_ms``; one a calibrated pool,
``drift.<pool>``, ``incarnation:n:drift:snapshot_ms:changed_ms``; and the field ``heard``, the last
sign of life in milliseconds. Its key is ``{lot:<id>}:vacancy``, so that a cluster keeps a
lot in one slot, and no command here names two lots.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from typing import Any

from msgspec import Struct
from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from onepark.contexts.stays.model import Count
from onepark.contexts.vacancies.rules import Calibration
from onepark.infra.db import Record, Tx
from onepark.infra.redis import RedisError
from onepark.kernel.types import LotId, Pool

CHANNEL = "vacancies"
MARKER = "vacancies:filled"  # gone when Redis was emptied
HEARD = b"heard"
KEYS = "{lot:*}:vacancy"
SCANNED_AT_ONCE = 1_000
POOLS = {pool.value.encode(): pool for pool in Pool}  # a later version may know more
DRIFTS = {b"drift." + name: pool for name, pool in POOLS.items()}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

COUNTS = """
    SELECT lot_id, pool, incarnation, n, occupied, changed_at
    FROM stays.pub_count
    WHERE changed_at >= $1
"""

CALIBRATIONS = """
    SELECT
        calibration.lot_id, calibration.pool, incarnation.number, calibration.n,
        calibration.drift, calibration.snapshot_at, calibration.changed_at
    FROM vacancies.calibration AS calibration
    CROSS JOIN stays.pub_incarnation AS incarnation
    WHERE calibration.changed_at >= $1
"""

# Sets what is newer and tells who listens. Versions are compared as decimal text, by length and
# then by digits: a number of Lua is exact only up to 2^53.
PUT = """
local function greater(a, b)
  if #a ~= #b then return #a > #b end
  return a > b
end
local told = {}
local heard = redis.call('HGET', KEYS[1], 'heard') or ''
if greater(ARGV[3], heard) then
  heard = ARGV[3]
  redis.call('HSET', KEYS[1], 'heard', heard)
  told[1] = ''
end
for i = 4, #ARGV, 2 do
  local known = redis.call('HGET', KEYS[1], ARGV[i])
  local newer = true
  if known then
    local incarnation, n = string.match(ARGV[i + 1], '^(%d+):(%d+):')
    local known_incarnation, known_n = string.match(known, '^(%d+):(%d+):')
    if incarnation == known_incarnation then
      newer = greater(n, known_n)
    elseif known_incarnation then
      newer = greater(incarnation, known_incarnation)
    end
  end
  if newer then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
    told[#told + 1] = ARGV[i] .. '=' .. ARGV[i + 1]
  end
end
if #told > 0 then
  redis.call('PUBLISH', ARGV[1], ARGV[2] .. '|' .. heard .. '|' .. table.concat(told, '|'))
end
return #told
"""
PUT_SHA = sha1(PUT.encode()).hexdigest()  # noqa: S324  Redis names scripts so


class LotReport(Struct, frozen=True):
    """What is told of one lot: counts, when it was last heard of, and calibrations."""

    lot_id: LotId
    counts: tuple[Count, ...] = ()
    heard_at: datetime | None = None
    calibrations: tuple[Calibration, ...] = ()

    @property
    def told(self) -> tuple[Count | Calibration, ...]:
        """Return everything that has a version and a field of its own."""
        return (*self.counts, *self.calibrations)


async def counts_since(tx: Tx, since: datetime | None) -> list[Count]:
    """Return every count that changed at or after ``since``, or, without it, every count."""
    rows = await tx.fetch(COUNTS, since or EPOCH)
    return [_count(row) for row in rows]


async def calibrations_since(tx: Tx, since: datetime | None) -> list[Calibration]:
    """Return the calibrations that changed at or after ``since``, or, without it, all."""
    return [_calibration(row) for row in await tx.fetch(CALIBRATIONS, since or EPOCH)]


async def put(redis: Redis, reports: Sequence[LotReport]) -> list[bool]:
    """Set what is newer, in one round trip; says for each lot whether anything was."""
    answers = await _put(redis, reports)
    lost = [i for i, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
    if lost:
        await redis.script_load(PUT)
        again = await _put(redis, [reports[i] for i in lost])
        for i, answer in zip(lost, again, strict=True):
            answers[i] = answer
    for answer in answers:
        if isinstance(answer, RedisError):
            raise answer
    return [bool(answer) for answer in answers]


async def _put(redis: Redis, reports: Iterable[LotReport]) -> list[Any]:
    pipeline = redis.pipeline(transaction=False)
    for report in reports:
        pipeline.execute_command("EVALSHA", PUT_SHA, 1, key(report.lot_id), *_arguments(report))
    return await pipeline.execute(raise_on_error=False)


async def load(redis: Redis, lot_ids: Sequence[LotId]) -> list[LotReport]:
    """Return what Redis holds of these lots, in one round trip."""
    pipeline = redis.pipeline(transaction=False)
    for lot_id in lot_ids:
        pipeline.execute_command("HGETALL", key(lot_id))
    hashes: list[Mapping[bytes, bytes]] = await pipeline.execute()
    return [_report(lot_id, fields) for lot_id, fields in zip(lot_ids, hashes, strict=True)]


async def incarnation_held(redis: Redis) -> int:
    """Return the latest incarnation of all that Redis holds of lots; 0 if it holds nothing."""
    names = [name async for name in redis.scan_iter(match=KEYS, count=SCANNED_AT_ONCE)]
    lot_ids = [LotId(int(name[len("{lot:") : name.index(b"}")])) for name in names]
    reports = await load(redis, lot_ids)
    return max((one.incarnation for report in reports for one in report.told), default=0)


async def is_filled(redis: Redis) -> bool:
    """Say whether Redis still holds what was put there: an emptied one does not."""
    return await redis.exists(MARKER) == 1


async def mark_filled(redis: Redis) -> None:
    """Note that everything was put."""
    await redis.set(MARKER, 1)


def key(lot_id: LotId) -> str:
    """Return the key of a lot's hash."""
    return f"{{lot:{lot_id}}}:vacancy"


def read_message(data: bytes) -> LotReport:
    """Read what PUT published."""
    lot_id, heard, *told = data.split(b"|")
    fields = dict(pool_and_value.split(b"=") for pool_and_value in told if pool_and_value)
    return _report(LotId(int(lot_id)), {**fields, HEARD: heard})


def _arguments(report: LotReport) -> list[str | int]:
    heard = _milliseconds(report.heard_at) if report.heard_at else ""
    arguments: list[str | int] = [CHANNEL, report.lot_id, heard]
    for one in report.told:
        arguments += (field(one), _packed(one))
    return arguments


def field(told: Count | Calibration) -> str:
    """Return the field of a lot's hash that holds this."""
    return told.pool.value if isinstance(told, Count) else f"drift.{told.pool}"


def _packed(told: Count | Calibration) -> str:
    changed_ms = _milliseconds(told.changed_at)
    if isinstance(told, Count):
        return f"{told.incarnation}:{told.n}:{told.occupied}:{changed_ms}"
    drift = "" if told.drift is None else told.drift
    snapshot_ms = "" if told.snapshot_at is None else _milliseconds(told.snapshot_at)
    return f"{told.incarnation}:{told.n}:{drift}:{snapshot_ms}:{changed_ms}"


def _report(lot_id: LotId, fields: Mapping[bytes, bytes]) -> LotReport:
    heard = fields.get(HEARD)
    counts = tuple(
        _unpacked(lot_id, POOLS[pool], value) for pool, value in fields.items() if pool in POOLS
    )
    calibrations = tuple(
        _drift(lot_id, DRIFTS[name], value) for name, value in fields.items() if name in DRIFTS
    )
    return LotReport(lot_id, counts, _instant(int(heard)) if heard else None, calibrations)


def _unpacked(lot_id: LotId, pool: Pool, value: bytes) -> Count:
    incarnation, n, occupied, changed_ms = map(int, value.split(b":"))
    return Count(lot_id, pool, incarnation, n, occupied, _instant(changed_ms))


def _drift(lot_id: LotId, pool: Pool, value: bytes) -> Calibration:
    incarnation, n, drift, snapshot_ms, changed_ms = value.split(b":")
    return Calibration(
        lot_id=lot_id,
        pool=pool,
        incarnation=int(incarnation),
        n=int(n),
        drift=int(drift) if drift else None,
        snapshot_at=_instant(int(snapshot_ms)) if snapshot_ms else None,
        changed_at=_instant(int(changed_ms)),
    )


def _calibration(row: Record) -> Calibration:
    lot_id, pool, *told = row
    return Calibration(lot_id, Pool(pool), *told)


def _count(row: Record) -> Count:
    lot_id, pool, incarnation, n, occupied, changed_at = row
    return Count(lot_id, Pool(pool), incarnation, n, occupied, changed_at)


def _milliseconds(at: datetime) -> int:
    return (at - EPOCH) // MILLISECOND


def _instant(milliseconds: int) -> datetime:
    return EPOCH + timedelta(milliseconds=milliseconds)
