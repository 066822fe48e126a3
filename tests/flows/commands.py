"""The command line over a database of its own."""

import asyncio
import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from click.testing import CliRunner, Result

from onepark.app.cli import main
from tests.archive import KEY
from tests.conftest import named, run_sql

Run = Callable[..., Result]


@contextmanager
def own_database(server: str, template: str, *, name: str) -> Iterator[str]:
    """A copy of the template, dropped in the end."""
    asyncio.run(run_sql(server, f"CREATE DATABASE {name} TEMPLATE {template}"))
    try:
        yield named(server, name)
    finally:
        asyncio.run(run_sql(server, f"DROP DATABASE {name} WITH (FORCE)"))


def commands_of(url: str, *first: str) -> Run:
    """Return how a command is given to that database."""
    env = {
        "ONEPARK_DATABASE_URL": url,
        "ONEPARK_REDIS_URL": "redis://127.0.0.1:1/0",
        "ONEPARK_SECRET_KEY": base64.b64encode(KEY.raw).decode(),
    }

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, [*first, *arguments], env=env)

    return run
