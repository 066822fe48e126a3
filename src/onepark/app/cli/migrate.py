"""`onepark migrate`: bring the database up to date.

Owns: which login does it.
Never: starts a server.
"""

import asyncio
import os

import click

from onepark.infra.migrations import MigrationFailed, migrate, pending
from onepark.infra.settings import SettingsError, from_env


@click.command("migrate")
def migrate_database() -> None:
    """应用数据库迁移 Apply the migrations that the database lacks."""
    try:
        settings = from_env(os.environ)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    url = settings.migration_database_url or settings.database_url
    missing = asyncio.run(pending(url))
    if not missing:
        click.echo("数据库已是最新 The database is up to date.")
        return
    try:
        migrate(url)
    except MigrationFailed as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"已应用 Applied: {', '.join(missing)}")
