"""The real servers that every test runs against.

ONEPARK_DATABASE_URL and ONEPARK_REDIS_URL name servers that exist; otherwise wheels are started.
A template database is migrated once; each test module gets a copy of its own.
"""

import os
import tempfile
from asyncio import AbstractEventLoop
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
import uvloop
from redis.asyncio import Redis

from onepark.infra.db import Database, Role, open_database
from onepark.infra.embedded import start_postgres, start_valkey
from onepark.infra.migrations import migrate
from onepark.infra.redis import open_redis

TEMPLATE = "onepark_template"


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], AbstractEventLoop]]:
    """Run every test on the loop that production uses."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def servers() -> Iterator[tuple[str, str]]:
    """URLs of PostgreSQL and Redis."""
    if "ONEPARK_DATABASE_URL" in os.environ:
        yield os.environ["ONEPARK_DATABASE_URL"], os.environ["ONEPARK_REDIS_URL"]
        return
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        postgres = start_postgres(Path(folder) / "postgres", settings={"fsync": "on"})
        valkey = start_valkey(Path(folder) / "valkey")
        try:
            yield postgres.url, valkey.url
        finally:
            valkey.stop()
            postgres.stop()


def named(url: str, database: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


async def run_sql(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
async def template(servers: tuple[str, str]) -> str:
    """A migrated database that is only ever copied."""
    url, _ = servers
    name = f"{TEMPLATE}_{uuid4().hex[:8]}"
    await run_sql(url, f"CREATE DATABASE {name}")
    migrate(named(url, name))
    return name


@pytest.fixture(scope="module")
async def database_url(servers: tuple[str, str], template: str) -> AsyncIterator[str]:
    """A migrated database of this module's own."""
    url, _ = servers
    name = f"test_{uuid4().hex[:12]}"
    await run_sql(url, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield named(url, name)
    await run_sql(url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
async def batch_db(database_url: str) -> AsyncIterator[Database]:
    database = await open_database(database_url, Role.BATCH, connections=4)
    yield database
    await database.close()


@pytest.fixture(scope="module")
async def service_db(database_url: str) -> AsyncIterator[Database]:
    database = await open_database(database_url, Role.SERVICE, connections=4)
    yield database
    await database.close()


@pytest.fixture(scope="module")
async def staff_db(database_url: str) -> AsyncIterator[Database]:
    database = await open_database(database_url, Role.STAFF, connections=2)
    yield database
    await database.close()


@pytest.fixture
async def redis(servers: tuple[str, str]) -> AsyncIterator[Redis]:
    """A client on an emptied database."""
    client = open_redis(servers[1])
    await client.flushdb()
    yield client
    await client.aclose()
