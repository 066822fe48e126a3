"""`onepark restored`: run once after a restore, before anything is started.

Owns: what is asked and said about it.
Never: decides whether the database may be told.
"""

import asyncio
import os

import asyncpg
import click

from onepark.app.restored import NotNow, begin_incarnation
from onepark.contexts.vacancies.store import incarnation_held
from onepark.infra.redis import REDIS_DOWN, open_redis
from onepark.infra.settings import Settings, SettingsError, from_env

QUESTION = "该数据库刚由备份恢复？Was this database restored from a backup just now?"


@click.command()
@click.option("--yes", is_flag=True, help="不再询问 Do not ask.")
def restored(*, yes: bool) -> None:
    """数据库恢复后运行一次 Let nobody believe counts from before a restore.

    Run it when the restored server is promoted and before any process of OnePark is started. It
    begins a new incarnation of the counts, so that a Redis that knows of a later or an earlier past
    is overruled. Running it twice does no harm.
    """
    if not yes:
        click.confirm(QUESTION, abort=True)
    try:
        number = asyncio.run(_begin(from_env(os.environ)))
    except (SettingsError, NotNow, OSError, asyncpg.PostgresError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"计数进入新的一代 The counts are of incarnation {number} now. Start OnePark.")


async def _begin(settings: Settings) -> int:
    redis = open_redis(settings.redis_url)
    try:
        held = await incarnation_held(redis)
    except REDIS_DOWN as error:
        held = 0
        click.echo(f"Redis does not answer ({type(error).__name__}): the clock alone decides.")
    finally:
        await redis.aclose()
    url = settings.migration_database_url or settings.database_url
    return await begin_incarnation(url, held=held)
