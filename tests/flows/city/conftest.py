"""One served city for all stories; each story takes cars of its own."""

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from tests.conftest import named, run_sql
from tests.flows.city.served import City, start_city


@asynccontextmanager
async def a_city(*, own_redis: bool = False) -> AsyncIterator[City]:
    """`onepark up --no-simulate`, on the wheels or in a new database of the servers named.

    All cities have the same lots, so a second one at the same time needs a Redis of its own.
    """
    url, env, name = os.environ.get("ONEPARK_DATABASE_URL"), {}, f"flows_{uuid4().hex[:8]}"
    if url:
        await run_sql(url, f"CREATE DATABASE {name}")
        env["ONEPARK_DATABASE_URL"] = named(url, name)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        without = {"ONEPARK_REDIS_URL"} if own_redis else set()
        city = start_city(Path(folder) / "city", env=env, without=without)
        try:
            yield city
        finally:
            code = city.end()
    if url:
        await run_sql(url, f"DROP DATABASE {name} WITH (FORCE)")
    assert code == 0, "the city ends in order"


@pytest.fixture(scope="session")
async def city() -> AsyncIterator[City]:
    """The city of all stories."""
    async with a_city() as city:
        yield city


@pytest.fixture(autouse=True)
def ordinary_day(city: City) -> None:
    """Providers behave when a story begins."""
    ordinary = {"pay": True, "delay_s": 0.2, "duplicates": 0.2}
    faults = ("wrong_amount", "wrong_serial", "bad_signature", "stale_stamp", "lose_notices")
    others = ("notice_before_answer", "answer_timeout")
    city.behave(**ordinary, **dict.fromkeys((*faults, *others), False))
