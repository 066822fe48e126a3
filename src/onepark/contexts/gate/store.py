"""The SQL of the gate.

Owns: every statement on the tables of schema gate.
Never: decides; a row goes in or out as it is.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from onepark.contexts.gate.model import Ack, AckedCommand, AckResult, Command, CommandKind
from onepark.contexts.registry.model import Device
from onepark.infra.db import Record, Tx
from onepark.kernel.types import LotId, OrderNo

NEW_COMMAND = """
    INSERT INTO gate.command
        (lot_id, operator_id, device_id, lane, kind, reason, passage_id, plate, car_key, order_no,
         created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    ON CONFLICT (device_id, passage_id, kind) DO NOTHING
    RETURNING command_id
"""


class NewCommand(NamedTuple):
    """A command before it has a number; the fields stand in the order of the statement."""

    lot_id: LotId
    operator_id: int
    device_id: str
    lane: str
    kind: CommandKind
    reason: str
    passage_id: str
    plate: str
    car_key: str
    order_no: OrderNo
    created_at: datetime
    expires_at: datetime


async def new_command(tx: Tx, made: NewCommand) -> int | None:
    """Keep a command and return its number; None if this exit request has one already."""
    number: int | None = await tx.fetchval(NEW_COMMAND, *made)
    return number


WAITING_COMMANDS = """
    SELECT command_id, kind, lane, passage_id, plate, order_no, reason, created_at, expires_at
    FROM gate.command
    WHERE device_id = $1 AND acked_at IS NULL AND expires_at > $2
    ORDER BY command_id LIMIT $3
"""

DEVICES_WITH_COMMANDS = """
    SELECT DISTINCT device_id FROM gate.command
    WHERE device_id = ANY ($1) AND acked_at IS NULL AND expires_at > $2
"""


async def waiting_commands(tx: Tx, device_id: str, now: datetime, *, limit: int) -> list[Command]:
    """Return the commands that a device has not acknowledged, oldest first."""
    rows = await tx.fetch(WAITING_COMMANDS, device_id, now, limit)
    return [_command(row) for row in rows]


async def devices_with_commands(tx: Tx, device_ids: Sequence[str], now: datetime) -> list[str]:
    """Return those of the devices for which a command waits."""
    return [row["device_id"] for row in await tx.fetch(DEVICES_WITH_COMMANDS, device_ids, now)]


ACKNOWLEDGE = """
    UPDATE gate.command AS command SET acked_at = $3, result = given.result
    FROM unnest($1::bigint[], $2::text[]) AS given (command_id, result)
    WHERE command.command_id = given.command_id AND command.device_id = $4
        AND command.acked_at IS NULL
    RETURNING command.command_id
"""

ACKED_COMMANDS = """
    SELECT command_id, lane, plate, car_key, result FROM gate.command
    WHERE command_id = ANY ($1) AND device_id = $2 AND result IS NOT NULL
"""


async def acknowledge(
    tx: Tx, device_id: str, acks: Sequence[Ack], *, acked_at: datetime
) -> set[int]:
    """Note what became of commands; return those that nobody had acknowledged before."""
    numbers, results = [ack.command_id for ack in acks], [ack.result for ack in acks]
    rows = await tx.fetch(ACKNOWLEDGE, numbers, results, acked_at, device_id)
    return {row["command_id"] for row in rows}


async def acked_commands(tx: Tx, device_id: str, acks: Sequence[Ack]) -> list[AckedCommand]:
    """Return those of the commands that were given to the device, with what became of them."""
    rows = await tx.fetch(ACKED_COMMANDS, [ack.command_id for ack in acks], device_id)
    return [_acked(row) for row in rows]


DROP_COMMANDS = """
    WITH dropped AS (DELETE FROM gate.command WHERE expires_at < $1 RETURNING 1)
    SELECT count(*) FROM dropped
"""


async def drop_commands(tx: Tx, before: datetime) -> int:
    """Delete commands that were void before a moment: they hold whole plates."""
    dropped: int = await tx.fetchval(DROP_COMMANDS, before)
    return dropped


HEARD = """
    INSERT INTO gate.device_status
        (lot_id, device_id, operator_id, heard_at, clock_offset_ms, status)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (lot_id, device_id) DO UPDATE SET
        heard_at = excluded.heard_at,
        clock_offset_ms = coalesce(excluded.clock_offset_ms, device_status.clock_offset_ms),
        status = excluded.status
"""


async def heard(
    tx: Tx, device: Device, *, heard_at: datetime, clock_offset_ms: int | None, status: str | None
) -> None:
    """Note a heartbeat."""
    await tx.execute(
        HEARD,
        device.lot_id,
        device.device_id,
        device.operator_id,
        heard_at,
        clock_offset_ms,
        status,
    )


CLOCK_OFFSETS = """
    SELECT device_id, clock_offset_ms FROM gate.device_status WHERE abs(clock_offset_ms) > $1
"""


async def clock_offsets(tx: Tx, *, above: timedelta) -> dict[str, timedelta]:
    """Return by how much clocks are ahead that are off by more than so much."""
    rows = await tx.fetch(CLOCK_OFFSETS, above // timedelta(milliseconds=1))
    return {row["device_id"]: timedelta(milliseconds=row["clock_offset_ms"]) for row in rows}


def _command(row: Record) -> Command:
    values = dict(row)
    values["kind"] = CommandKind(values["kind"])
    return Command(**values)


def _acked(row: Record) -> AckedCommand:
    command_id, lane, plate, car_key, result = row
    return AckedCommand(command_id, lane, plate, car_key, AckResult(result))
