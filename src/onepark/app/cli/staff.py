"""``onepark staff``: accounts from the command line.

Owns: how the first person gets in.
Never: prints or takes a password as an argument.
"""

import asyncio
import os

import click
import msgspec

from onepark.contexts.access.model import Account, NewAccount
from onepark.contexts.access.service import TOKEN_AUDIENCE, Access
from onepark.infra.clock import SystemClock
from onepark.infra.db import Role, open_database
from onepark.infra.limits import Limiter
from onepark.infra.redis import open_redis
from onepark.infra.settings import Settings, from_env, secret_key
from onepark.infra.tokens import Passwords, Tokens
from onepark.kernel.errors import Refusal
from onepark.kernel.staff import StaffRole

ACTOR = "onepark staff add"


@click.group()
def staff() -> None:
    """工作人员账号 Accounts of staff."""


@staff.command()
@click.argument("login")
@click.option("--name", required=True, help="姓名。The person's name.")
@click.option("--role", type=click.Choice([role.value for role in StaffRole]), required=True)
@click.option("--operator-id", type=click.IntRange(min=1), help="经营单位编号。For its own roles.")
@click.password_option(help="不给出则提示输入。Asked for when not given.")
def add(login: str, *, name: str, role: str, operator_id: int | None, password: str) -> None:
    """新建账号 Give an account."""
    given = {
        "login": login,
        "password": password,
        "name": name,
        "role": role,
        "operator_id": operator_id,
    }
    try:
        new = msgspec.convert(given, NewAccount)
        account = asyncio.run(_add(new, from_env(os.environ)))
    except msgspec.ValidationError as error:
        raise click.ClickException(str(error)) from error
    except Refusal as refusal:
        raise click.ClickException(f"{refusal.title_zh} {refusal.title}") from refusal
    click.echo(f"{account.login}: {account.role}")


async def _add(new: NewAccount, settings: Settings) -> Account:
    clock, redis = SystemClock(), open_redis(settings.redis_url)
    database = await open_database(settings.database_url, Role.SERVICE, connections=1)
    try:
        access = Access(
            service_db=database,
            staff_db=database,  # unused: an appointment acts for the platform
            passwords=Passwords(),
            tokens=Tokens(secret_key(settings), clock, audience=TOKEN_AUDIENCE),
            limiter=Limiter(redis),
            clock=clock,
            logins_per_minute=settings.login_per_minute_max,
        )
        return await access.appoint(new, actor=ACTOR)
    finally:
        await database.close()
        await redis.aclose()
