"""``onepark settlement``: clearing, and its proof, from the command line.

Owns: what is printed, and the exit status.
Never: decides how anything is shared, or mends a statement that is wrong.
"""

import asyncio
import os
import sys
import time
from datetime import datetime, timedelta

import click

from onepark.contexts.ledger.service import Ledger
from onepark.contexts.settlement.errors import DayNotOver
from onepark.contexts.settlement.model import Cleared
from onepark.contexts.settlement.rules import clearing_day
from onepark.contexts.settlement.service import Clearing
from onepark.contexts.settlement.statements import Rebuilt, Statements
from onepark.infra.clock import SystemClock
from onepark.infra.db import Role, open_database
from onepark.infra.settings import Settings, from_env

SHOWN_MAX = 20


@click.group()
def settlement() -> None:
    """清分结算 Clearing and settlement."""


@settlement.command()
@click.option(
    "--day",
    type=click.DateTime(["%Y-%m-%d"]),
    help="截至该日（含），默认昨天。Up to and with this day; yesterday by default.",
)
def clear(day: datetime | None) -> None:
    """清分并关闭截至某日的各日；已关闭者不变 Clear and close days; what is closed stays."""
    began = time.monotonic()
    try:
        done = asyncio.run(_clear(from_env(os.environ), day))
    except DayNotOver as error:
        raise click.ClickException(error.detail) from error
    took_s = time.monotonic() - began
    click.echo(
        f"{done.days} days closed, {done.facts} facts cleared, {done.statements} statements, "
        f"{took_s:.1f} s"
    )


async def _clear(settings: Settings, day: datetime | None) -> Cleared:
    clock = SystemClock()
    yesterday = clearing_day(clock.now()) - timedelta(days=1)
    database = await open_database(settings.database_url, Role.SERVICE, connections=1)
    try:
        clearing = Clearing(database, books=Ledger(), clock=clock)
        return await clearing.clear_through(yesterday if day is None else day.date())
    finally:
        await database.close()


@settlement.command()
def rebuild() -> None:
    """由账簿重算全部结算单并逐字节核对 Make every statement anew from the books and compare.

    Reads one moment of the database and changes nothing. The exit status is 1 if anything differs.
    """
    began = time.monotonic()
    rebuilt = asyncio.run(_rebuild(from_env(os.environ)))
    for one in rebuilt.differences[:SHOWN_MAX]:
        click.echo(f"{one.what}\n  kept    {one.kept}\n  rebuilt {one.rebuilt}")
    took_s = time.monotonic() - began
    click.echo(
        f"{rebuilt.statements} statements from {rebuilt.facts} facts, "
        f"{len(rebuilt.differences)} differences, {took_s:.1f} s"
    )
    sys.exit(bool(rebuilt.differences))


async def _rebuild(settings: Settings) -> Rebuilt:
    database = await open_database(settings.database_url, Role.SERVICE, connections=1)
    try:
        return await Statements(database, database).rebuild()
    finally:
        await database.close()
