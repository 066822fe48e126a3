"""Why the platform refuses to start."""

import tempfile
from pathlib import Path
from uuid import uuid4

import pytest

from onepark.app.fitness import Unfit, refuse_unfit
from onepark.infra.embedded import start_postgres
from onepark.infra.migrations import migrate
from onepark.infra.settings import Settings
from tests.conftest import named, run_sql


def settings(url: str) -> Settings:
    return Settings(database_url=url, redis_url="", secret_key="")


async def test_a_migrated_database_that_forgets_nothing_is_fit(database_url):
    await refuse_unfit(settings(database_url))


async def test_pending_migrations_are_named(servers):
    name = f"bare_{uuid4().hex[:8]}"
    await run_sql(servers[0], f"CREATE DATABASE {name}")
    with pytest.raises(Unfit, match=r"pending migrations 0001, .*: run onepark migrate"):
        await refuse_unfit(settings(named(servers[0], name)))
    await run_sql(servers[0], f"DROP DATABASE {name}")


@pytest.mark.parametrize("name", ["fsync", "full_page_writes", "synchronous_commit"])
async def test_a_server_that_may_forget_what_it_confirmed_is_refused(name):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        server = start_postgres(Path(folder) / "postgres", settings={name: "off"})
        try:
            migrate(server.url)
            with pytest.raises(Unfit, match=f"{name}=off"):
                await refuse_unfit(settings(server.url))
        finally:
            server.stop()


async def test_a_database_that_does_not_answer_is_told_in_plain_words():
    with pytest.raises(Unfit, match="the database does not answer"):
        await refuse_unfit(settings("postgresql://nobody@127.0.0.1:1/none"))
