"""``onepark staff``: accounts from the command line.

Owns: how the first person gets in, and how the last one who can does again.
Never: prints or takes a password as an argument.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TypeVar

import click
import msgspec

from onepark.app.databases import Databases
from onepark.app.staff import staff_of
from onepark.contexts.access.accounts import Accounts, Hand
from onepark.contexts.access.model import Account, AccountView, NewAccount, PasswordReset
from onepark.infra.clock import SystemClock
from onepark.infra.db import Role, open_database
from onepark.infra.limits import Limiter
from onepark.infra.redis import open_redis
from onepark.infra.settings import from_env
from onepark.kernel.errors import Refusal
from onepark.kernel.staff import StaffRole

PAGE = 100

T = TypeVar("T")


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

    async def give(accounts: Accounts) -> Account:
        return await accounts.create_account(msgspec.convert(given, NewAccount), by=_hand("add"))

    account = _run(give)
    click.echo(f"{account.login}: {account.role}")


@staff.command("list")
def list_accounts() -> None:
    """账号列表 Every account, its role, whether it is disabled and has an authenticator."""

    async def read(accounts: Accounts) -> list[AccountView]:
        found: list[AccountView] = []
        after: int | None = 0
        while after is not None:
            page = await accounts.page(after=after, limit=PAGE, by=_hand("list"))
            found, after = [*found, *page.accounts], page.next_after
        return found

    for one in _run(read):
        words = [
            one.login,
            one.role.value,
            f"operator {one.operator_id}" if one.operator_id else "",
        ]
        words += ["disabled" if one.disabled_at else "", "code" if one.second_factor else ""]
        click.echo("  ".join(word for word in words if word))


@staff.command()
@click.argument("login")
def disable(login: str) -> None:
    """停用账号 Shut an account; its sessions end at once."""
    _told(_run(lambda accounts: accounts.disable(login, by=_hand("disable"))))


@staff.command()
@click.argument("login")
def enable(login: str) -> None:
    """启用账号 Open an account again."""
    _told(_run(lambda accounts: accounts.enable(login, by=_hand("enable"))))


@staff.command()
@click.argument("login")
@click.password_option(help="不给出则提示输入。Asked for when not given.")
def password(login: str, *, password: str) -> None:
    """重置密码 Give a new password; the sessions end."""

    async def give(accounts: Accounts) -> AccountView:
        reset = msgspec.convert({"new_password": password}, PasswordReset)
        return await accounts.set_password(login, reset, by=_hand("password"))

    _told(_run(give))


@staff.command("reset-second-factor")
@click.argument("login")
def reset_second_factor(login: str) -> None:
    """解除动态验证码 Take a lost authenticator away; the sessions end."""
    hand = _hand("reset-second-factor")
    _told(_run(lambda accounts: accounts.reset_second_factor(login, by=hand)))


def _hand(command: str) -> Hand:
    return Hand(f"onepark staff {command}")


def _told(account: AccountView) -> None:
    state = "disabled" if account.disabled_at else "enabled"
    code = "with an authenticator" if account.second_factor else "without an authenticator"
    click.echo(f"{account.login}: {account.role}, {state}, {code}")


def _run(what: Callable[[Accounts], Awaitable[T]]) -> T:
    """Do something to accounts; a refusal is told in words."""
    try:
        return asyncio.run(_with_accounts(what))
    except msgspec.ValidationError as error:
        raise click.ClickException(str(error)) from error
    except Refusal as refusal:
        raise click.ClickException(f"{refusal.title_zh} {refusal.title}") from refusal


async def _with_accounts(what: Callable[[Accounts], Awaitable[T]]) -> T:
    settings = from_env(os.environ)
    async with AsyncExitStack() as stack:
        redis = open_redis(settings.redis_url)
        stack.push_async_callback(redis.aclose)
        database = await open_database(settings.database_url, Role.SERVICE, connections=1)
        stack.push_async_callback(database.close)
        every = Databases(database, database, database)  # the platform's own hand needs one
        parts = staff_of(settings, SystemClock(), databases=every, limiter=Limiter(redis))
        return await what(parts.accounts)
