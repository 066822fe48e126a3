"""The login of the platform, made as the image makes it, on a real PostgreSQL."""

import re
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest

from onepark.app.fitness import refuse_unfit
from onepark.infra.db import Role, open_database
from onepark.infra.migrations import migrate
from onepark.infra.settings import Settings
from tests.conftest import named, run_sql
from tests.deploy.files import DEPLOY

PASSWORD = "0123abcd"


def statements(login: str) -> str:
    """What psql would send, for a cluster in which other tests have made the three roles."""
    text = (DEPLOY / "postgres" / "logins.sql").read_text(encoding="utf-8")
    assert "\\getenv password APP_PASSWORD\n" in text
    plain = re.sub(r"^\\getenv .*\n", "", text, flags=re.MULTILINE)
    plain = re.sub(r"^CREATE ROLE \w+ NOLOGIN;\n", "", plain, flags=re.MULTILINE)
    return plain.replace(":'password'", f"'{PASSWORD}'").replace("onepark_app", login)


@pytest.fixture
async def login_url(servers: tuple[str, str], template: str) -> AsyncIterator[str]:
    """A database that the image would have made, as its platform reaches it."""
    owner_url, suffix = servers[0], uuid4().hex[:8]
    name, login = f"deploy_{suffix}", f"app_{suffix}"
    await run_sql(owner_url, f"CREATE DATABASE {name}")
    await run_sql(named(owner_url, name), statements(login))
    migrate(named(owner_url, name))
    parts = urlsplit(named(owner_url, name))
    place = parts.netloc.rpartition("@")[2]
    yield urlunsplit(parts._replace(netloc=f"{login}:{PASSWORD}@{place}"))
    await run_sql(owner_url, f"DROP DATABASE {name} WITH (FORCE)", f"DROP ROLE {login}")


async def test_the_platform_may_start_and_take_each_of_its_roles(login_url):
    await refuse_unfit(Settings(login_url, "", ""))
    for role in Role:
        database = await open_database(login_url, role, connections=1)
        async with database.connection() as tx:
            assert await tx.fetchval("SELECT current_user") == role.value
        await database.close()


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE stays.mine ()",
        "CREATE TABLE public.mine ()",
        "DROP TABLE stays.claim",
        "DELETE FROM public.schema_migrations",
        "CREATE ROLE another LOGIN",
        "ALTER TABLE stays.stay DISABLE ROW LEVEL SECURITY",
    ],
)
async def test_it_owns_nothing_and_changes_no_form(login_url, statement):
    connection = await asyncpg.connect(login_url)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()
