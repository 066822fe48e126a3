"""``onepark ledger``: the books, checked by somebody who does not trust those who keep them.

Owns: how faults are told, and the form in which an anchor is printed and read again.
Never: mends a fault, or prints whose car anything was paid for.
"""

import asyncio
import os
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

import asyncpg
import click
import msgspec
from msgspec import Struct

from onepark.app.ledger_audit import Audit, KnownAnchor, audit
from onepark.contexts.ledger.model import Anchor
from onepark.contexts.ledger.service import Sealer
from onepark.infra.clock import SystemClock
from onepark.infra.db import Role, open_database
from onepark.infra.settings import Settings, SettingsError, from_env

TOLD_MAX = 20


class PrintedAnchor(Struct, frozen=True, forbid_unknown_fields=True):
    """An anchor as one line of JSON: to be kept where nobody of the platform can change it."""

    anchor_day: date
    anchored_at: datetime
    heads: str
    previous: str
    digest: str


@click.group()
def ledger() -> None:
    """账本核验与锚定 Check the books, and print what proves them."""


@ledger.command()
@click.option(
    "--anchor",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="此前导出的锚点文件 A file of anchors that were printed before; may be repeated.",
)
def verify(*, files: tuple[Path, ...]) -> None:
    """独立重算全部账本 Recompute every balance, hash, chain and anchor of the books.

    Reads one moment of the database and changes nothing. The exit status is 1 if anything is wrong;
    the first line then names the first guilty journal.
    """
    began_s = time.monotonic()
    try:
        printed = [_known(line) for file in files for line in file.read_text().splitlines() if line]
        found = asyncio.run(_verify(from_env(os.environ), printed))
    except (SettingsError, OSError, asyncpg.PostgresError, msgspec.DecodeError) as error:
        raise click.ClickException(str(error)) from error
    _tell(found, took_s=time.monotonic() - began_s)
    sys.exit(bool(found.faults))


@ledger.command()
@click.option(
    "--day", type=click.DateTime(["%Y-%m-%d"]), help="日期 The day; the newest if left out."
)
@click.option("--now", "at_once", is_flag=True, help="当前时刻 Of this moment; nothing is kept.")
def anchor(*, day: datetime | None, at_once: bool) -> None:
    """输出锚点 Print an anchor as one line of JSON, to be kept outside of the database.

    It holds the end of every operator's chain. `onepark ledger verify --anchor FILE` compares the
    books with it: nothing from before it can then be changed or taken away unseen.
    """
    try:
        found = asyncio.run(_anchor(from_env(os.environ), day, at_once=at_once))
    except (SettingsError, OSError, asyncpg.PostgresError) as error:
        raise click.ClickException(str(error)) from error
    if found is None:
        raise click.ClickException("no anchor is kept 尚无锚点")
    click.echo(msgspec.json.encode(_printed(found)).decode())


async def _verify(settings: Settings, printed: list[KnownAnchor]) -> Audit:
    server = {"role": Role.SERVICE.value, "timezone": "UTC"}
    connection = await asyncpg.connect(settings.database_url, server_settings=server)
    try:
        return await audit(connection, printed)
    finally:
        await connection.close()


async def _anchor(settings: Settings, day: datetime | None, *, at_once: bool) -> Anchor | None:
    database = await open_database(settings.database_url, Role.SERVICE, connections=1)
    try:
        sealer = Sealer(database, SystemClock())
        if at_once:
            return await sealer.anchor_now()
        return await sealer.anchor(day.date() if day else None)
    finally:
        await database.close()


def _printed(kept: Anchor) -> PrintedAnchor:
    return PrintedAnchor(
        anchor_day=kept.anchor_day,
        anchored_at=kept.anchored_at.astimezone(UTC),
        heads=kept.heads,
        previous=kept.previous.hex(),
        digest=kept.digest.hex(),
    )


def _known(line: str) -> KnownAnchor:
    read = msgspec.json.decode(line, type=PrintedAnchor)
    try:
        previous, digest = bytes.fromhex(read.previous), bytes.fromhex(read.digest)
    except ValueError as error:
        raise click.ClickException(f"an anchor is no anchor: {error}") from error
    return KnownAnchor(read.anchor_day, read.heads, previous, digest)


def _tell(found: Audit, *, took_s: float) -> None:
    first = found.first
    if first is not None:
        name = "no journal" if first.journal_id is None else f"journal {first.journal_id}"
        click.echo(f"FIRST GUILTY 首条异常: {name}: {first.what}")
    for fault in found.faults[:TOLD_MAX]:
        click.echo(fault.what)
    if len(found.faults) > TOLD_MAX:
        click.echo(f"… and {len(found.faults) - TOLD_MAX} more or others")
    click.echo(
        f"{found.journals} journals, {found.postings} postings, {found.seals} seals,"
        f" {found.anchors} anchors, {len(found.faults)} faults, {took_s:.1f} s"
    )
