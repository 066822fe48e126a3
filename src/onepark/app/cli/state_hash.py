"""`onepark state-hash`: one number for all books, to compare two databases.

Owns: what of the books is left out, and how the number is printed.
Never: changes anything.
"""

import asyncio
import os

import asyncpg
import click

from onepark.app.restored import CHANGED_BY_RESTORE
from onepark.infra.settings import SettingsError, from_env
from onepark.infra.state_hash import state_hash_at


@click.command("state-hash")
@click.option("--tables", is_flag=True, help="逐表输出 Print every table too.")
def state_hash(*, tables: bool) -> None:
    """输出全部账簿的哈希 Print a hash of every row of the database, whatever their order.

    Reads one moment and changes nothing. Two databases with the same rows have the same hash: a
    restored one and its original at that moment, a replica and its primary while nobody writes. The
    login must see every row: a superuser, or one with BYPASSRLS.
    """
    try:
        settings = from_env(os.environ)
        url = settings.migration_database_url or settings.database_url
        found = asyncio.run(state_hash_at(url, but=CHANGED_BY_RESTORE))
    except (SettingsError, OSError, asyncpg.PostgresError) as error:
        raise click.ClickException(str(error)) from error
    for table in found.tables if tables else ():
        click.echo(f"{table.digest[:16]}  {table.rows:>12}  {table.name}")
    click.echo(f"{found.digest}  {found.rows} rows")
