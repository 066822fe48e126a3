"""Days are cleared and proved from the command line."""

import asyncio
from collections.abc import Iterator
from datetime import date, timedelta

import asyncpg
import pytest

from onepark.infra.db import Role, open_database
from tests.flows.commands import Run, commands_of, own_database
from tests.store.settlement.conftest import FIRST, Rig, rig_of

NAME = "test_settlement_commands"


@pytest.fixture
def url(servers: tuple[str, str], template: str) -> Iterator[str]:
    with own_database(servers[0], template, name=NAME) as url:
        yield url


@pytest.fixture
def onepark(url: str) -> Run:
    return commands_of(url, "settlement")


async def paid(url: str, *days: date) -> None:
    """Somebody paid 10.01 yuan on each of these days."""
    database = await open_database(url, Role.SERVICE, connections=1)
    rig: Rig = rig_of(database, database)
    await rig.contract()
    for day in days:
        await rig.fact(1001, day)
    await database.close()


async def bend(url: str) -> None:
    owner = await asyncpg.connect(url)
    await owner.execute("ALTER TABLE settlement.statement DISABLE TRIGGER USER")
    await owner.execute(
        "UPDATE settlement.statement SET body = replace(body, '250', '251'),"
        " digest = sha256(convert_to(replace(body, '250', '251'), 'UTF8')) WHERE party = 'town'"
    )
    await owner.close()


def test_a_day_is_cleared_once_and_a_bent_statement_is_found(onepark: Run, url: str):
    asyncio.run(paid(url, FIRST, FIRST + timedelta(days=1)))
    done = onepark("clear", "--day", "2026-05-01")
    assert done.exit_code == 0
    assert done.output.startswith("1 days closed, 1 facts cleared, 3 statements")
    again = onepark("clear", "--day", "2026-05-01")
    assert again.output.startswith("0 days closed, 0 facts cleared, 0 statements")
    proved = onepark("rebuild")
    assert (proved.exit_code, proved.output[:41]) == (
        0,
        "3 statements from 1 facts, 0 differences,",
    )
    asyncio.run(bend(url))
    found = onepark("rebuild")
    assert found.exit_code == 1
    assert "town of operator 7, day of 2026-05-01" in found.output


def test_a_day_to_come_is_not_cleared(onepark: Run):
    refused = onepark("clear", "--day", "2099-01-01")
    assert refused.exit_code == 1
    assert "A day is cleared when it is over." in refused.output
