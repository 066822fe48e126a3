"""What an operator runs after a restore, and the hash that tells two databases apart."""

import asyncio
import base64
from functools import partial

import pytest
from click.testing import CliRunner, Result

from onepark.app.cli.restored import restored
from onepark.app.cli.state_hash import state_hash
from onepark.contexts.vacancies import store
from onepark.infra.db import Role, open_database
from onepark.kernel.types import LotId
from tests.archive import KEY
from tests.conftest import run_sql
from tests.fakes.city import a_count

FAR_AHEAD = 9_999_999_999_999


@pytest.fixture
def onepark(database_url, servers):
    env = {
        "ONEPARK_DATABASE_URL": database_url,
        "ONEPARK_REDIS_URL": servers[1],
        "ONEPARK_SECRET_KEY": base64.b64encode(KEY.raw).decode(),
    }

    async def run(command, *arguments: str, over=(), **more) -> Result:
        invoke = partial(
            CliRunner().invoke, command, list(arguments), env={**env, **dict(over)}, **more
        )
        return await asyncio.to_thread(invoke)

    return run


def number_in(done: Result) -> int:
    assert done.exit_code == 0, done.output
    return int(done.stdout.split("incarnation ")[1].split()[0])


async def test_a_restored_database_outranks_what_it_was_and_what_redis_holds(onepark, redis):
    first = number_in(await onepark(restored, "--yes"))
    second = number_in(await onepark(restored, "--yes"))
    assert second > first, "twice does no harm"
    held = a_count(3, n=9, incarnation=FAR_AHEAD)
    await store.put(redis, [store.LotReport(LotId(1), (held,))])
    assert number_in(await onepark(restored, "--yes")) == FAR_AHEAD + 1


async def test_nothing_is_written_without_a_yes(onepark, redis):
    before = number_in(await onepark(restored, "--yes"))
    asked = await onepark(restored, input="n\n")
    assert asked.exit_code == 1
    assert number_in(await onepark(restored, input="y\n")) > before


async def test_a_database_that_onepark_is_connected_to_is_left_alone(onepark, redis, database_url):
    database = await open_database(database_url, Role.SERVICE, connections=1)
    done = await onepark(restored, "--yes")
    await database.close()
    assert done.exit_code == 1
    assert "onepark_service (1)" in done.stderr


async def test_without_redis_the_clock_decides(onepark):
    done = await onepark(restored, "--yes", over={"ONEPARK_REDIS_URL": "redis://127.0.0.1:1/0"})
    assert number_in(done) > 0
    assert "Redis does not answer" in done.stdout


async def test_rows_in_another_order_have_the_same_hash_and_another_row_has_not(
    onepark, database_url
):
    rows = [
        "(1, 'short_stay', 7, 5, 10, '2026-09-01')",
        "(2, 'short_stay', 7, 5, 10, '2026-09-01')",
    ]
    found = []
    for values in (rows, rows[::-1], rows[:1]):
        await run_sql(
            database_url,
            "TRUNCATE stays.count",
            *(f"INSERT INTO stays.count VALUES {one}" for one in values),
        )
        found.append((await onepark(state_hash)).stdout)
    assert found[0] == found[1]
    assert found[0].split()[0] != found[2].split()[0]
    await run_sql(database_url, "TRUNCATE stays.count")


async def test_a_restore_alone_leaves_the_hash_as_it_was(onepark, redis):
    before = await onepark(state_hash, "--tables")
    assert "stays.stay_order\n" in before.stdout
    assert "stays.passage_rest" not in before.stdout, "a partition is reached through its table"
    number_in(await onepark(restored, "--yes"))
    assert (await onepark(state_hash, "--tables")).stdout == before.stdout


async def test_a_login_that_does_not_see_every_row_gets_no_hash(onepark, database_url):
    await run_sql(
        database_url,
        "DROP ROLE IF EXISTS half_blind",
        "CREATE ROLE half_blind LOGIN PASSWORD 'x' IN ROLE onepark_staff",
        "GRANT USAGE ON SCHEMA access, registry, tariffs, calendar, stays, payments, gate,"
        " vacancies, public TO half_blind",
        *(
            f"GRANT SELECT ON ALL TABLES IN SCHEMA {one} TO half_blind"
            for one in ("access", "registry", "tariffs", "calendar", "stays", "payments")
        ),
    )
    user, rest = database_url.split("@")
    url = f"{user.split('//')[0]}//half_blind:x@{rest}"
    done = await onepark(state_hash, over={"ONEPARK_DATABASE_URL": url})
    await run_sql(database_url, "DROP OWNED BY half_blind", "DROP ROLE half_blind")
    assert done.exit_code == 1
    assert "row-level security" in done.stderr
