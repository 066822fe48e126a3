"""``onepark recount``: every count, made anew and compared.

Owns: how a count that is wrong is told to whoever runs the platform.
Never: mends one: a wrong count is a fault to be found, not to be painted over.
"""

import asyncio
import os
import sys
import time

import click

from onepark.contexts.registry.directory import Directory
from onepark.contexts.registry.service import Registry
from onepark.contexts.vacancies.model import CountPair, Recounted
from onepark.contexts.vacancies.past import PastOfLots
from onepark.infra.clock import SystemClock
from onepark.infra.db import Role, open_database
from onepark.infra.settings import Settings, from_env, secret_key


@click.command()
def recount() -> None:
    """全量重算占用并与增量计数核对 Count all visits anew and compare with the kept counts.

    Reads one moment of the database and changes nothing. The exit status is 1 if a count is wrong.
    """
    began = time.monotonic()
    told, directory = asyncio.run(_recount(from_env(os.environ)))
    for pair in told.wrong:
        click.echo(_line(pair, directory))
    took_s = time.monotonic() - began
    click.echo(
        f"{told.visits} visits, {len(told.pairs)} counts, {len(told.wrong)} wrong, {took_s:.1f} s"
    )
    sys.exit(bool(told.wrong))


def _line(pair: CountPair, directory: Directory) -> str:
    lot = directory.lot_by_id(pair.lot_id)
    name = f"lot {pair.lot_id}" if lot is None else lot.code
    return f"{name} {pair.pool}: kept {pair.kept}, recounted {pair.recounted}"


async def _recount(settings: Settings) -> tuple[Recounted, Directory]:
    clock = SystemClock()
    database = await open_database(settings.database_url, Role.SERVICE, connections=1)
    try:
        registry = Registry(database, secret_key(settings), clock)
        await registry.load()
        past = PastOfLots(
            database,
            database,  # unused: nobody asks for statistics here
            directory_source=lambda: registry.directory,
            clock=clock,
        )
        return await past.recount(), registry.directory
    finally:
        await database.close()
