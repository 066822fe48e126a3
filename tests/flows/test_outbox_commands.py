"""Facts that nobody could use, and work with a calendar, from the command line."""

import asyncio
import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner

from onepark.app.cli import main
from tests.archive import KEY
from tests.flows.commands import Run, commands_of, own_database

NAME = "test_outbox_commands"


@pytest.fixture
def url(servers: tuple[str, str], template: str) -> Iterator[str]:
    with own_database(servers[0], template, name=NAME) as url:
        yield url


@pytest.fixture
def onepark(url: str) -> Run:
    return commands_of(url)


async def asked(url: str, question: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


def publish_dead(url: str) -> int:
    """Two facts of one order, the first of which nobody could use."""
    insert = (
        "INSERT INTO payments.outbox (aggregate, fact, payload, tries, dead_at, trouble)"
        " VALUES ('o-1', 'payments.attempt_succeeded.v1', '{}', 11, now(), 'ValueError'),"
        " ('o-1', 'payments.refund_succeeded.v1', '{}', 0, NULL, NULL) RETURNING id"
    )
    number: int = asyncio.run(asked(url, insert))
    return number


def test_a_dead_fact_is_listed_and_tried_again_or_given_up(onepark: Run, url: str):
    assert onepark("outbox", "dead").exit_code == 0
    number = publish_dead(url)
    listed = onepark("outbox", "dead")
    assert listed.exit_code == 1
    assert f"payments.outbox {number} payments.attempt_succeeded.v1 of o-1" in listed.output
    levels = onepark("outbox", "list").output
    assert "stays.order_paid.v1" in levels
    [paid] = [line for line in levels.splitlines() if "attempt_succeeded" in line][:1]
    assert "0 waiting" in paid
    assert "1 dead" in paid
    retried = onepark("outbox", "retry", "payments.outbox", str(number), "--by", "li")
    assert retried.exit_code == 0
    assert onepark("outbox", "dead").exit_code == 0
    again = onepark("outbox", "skip", "payments.outbox", str(number), "--by", "li")
    assert again.exit_code == 1, "it is dead no more"
    ruling = "SELECT ruled_by || ' ' || ruling FROM payments.outbox WHERE ruling IS NOT NULL"
    assert asyncio.run(asked(url, ruling)) == "li retried"


def test_a_fact_that_was_given_up_is_handed_on_no_more(onepark: Run, url: str):
    number = publish_dead(url)
    assert onepark("outbox", "skip", "payments.outbox", str(number), "--by", "li").exit_code == 0
    waiting = "SELECT count(*) FROM payments.outbox WHERE delivered_at IS NULL"
    assert asyncio.run(asked(url, waiting)) == 1


def test_a_job_is_asked_for_and_one_that_failed_is_asked_for_again(onepark: Run, url: str):
    listed = onepark("jobs", "list")
    assert listed.exit_code == 0
    assert "never ran" in listed.output
    assert onepark("jobs", "run", "outbox.forget").exit_code == 0
    assert "outbox.forget" in onepark("jobs", "waiting").output
    assert onepark("jobs", "run", "no.such").exit_code == 2
    assert onepark("jobs", "run", "jobs.forget", "--key", "2026").exit_code == 1
    assert onepark("jobs", "failed").exit_code == 0
    failed = (
        "INSERT INTO jobs.run (name, run_key, due_at, state, tries, ended_at, trouble)"
        " VALUES ('jobs.forget', '2026', now(), 'failed', 6, now(), 'ValueError')"
    )
    asyncio.run(asked(url, failed))
    shown = onepark("jobs", "failed")
    assert shown.exit_code == 1
    assert "jobs.forget" in shown.output
    assert "ValueError" in shown.output
    assert onepark("jobs", "run", "jobs.forget", "--key", "2026").exit_code == 0
    state = "SELECT state FROM jobs.run WHERE run_key = '2026'"
    assert asyncio.run(asked(url, state)) == "due"
    assert datetime.now(UTC).strftime("%Y") in onepark("jobs", "waiting").output


def test_without_a_database_it_is_said_in_plain_words():
    env = {
        "ONEPARK_DATABASE_URL": "postgresql://127.0.0.1:1/none",
        "ONEPARK_REDIS_URL": "redis://127.0.0.1:1/0",
        "ONEPARK_SECRET_KEY": base64.b64encode(KEY.raw).decode(),
    }
    for command in (["outbox", "dead"], ["jobs", "list"]):
        answer = CliRunner().invoke(main, command, env=env)
        assert answer.exit_code == 1
        assert "Traceback" not in answer.output
