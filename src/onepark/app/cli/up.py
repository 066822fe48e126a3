"""`onepark up`: a whole demo city on one machine.

Owns: what runs in such a city, in which order it comes up, and what is said about it.
Never: serves, works or simulates itself: each part is a child with a log of its own.
"""

import http.client
import json
import os
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from onepark.app.data_dir import DataDir, DataDirBusy, hold, write_json
from onepark.app.supervise import AskedToEnd, Requests, Supervisor
from onepark.infra.embedded import Child, ChildFailed, free_port, start_postgres, start_valkey
from onepark.infra.migrations import MigrationFailed, migrate
from onepark.infra.settings import PREFIX

DATABASE_URL = f"{PREFIX}DATABASE_URL"
REDIS_URL = f"{PREFIX}REDIS_URL"

WORK_METRICS_PORT = f"{PREFIX}WORK_METRICS_PORT"

HTTP_OK = 200
PROBE_S = 2.0
PROVIDERS_S = 60.0
READY_S = 60.0
LOAD_S = 300.0


@dataclass(frozen=True)
class City:
    """What the children of one city are told."""

    data: DataDir
    port: int
    env: dict[str, str]

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def child(self, name: str, *arguments: str, module: str = "onepark.app.cli") -> Child:
        """Return a child that runs one of our own programs, its words kept in a log."""
        command = [sys.executable, "-m", module, *arguments]
        return Child(name=name, command=command, log=self.data.log(name), env=self.env)


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8000,
    show_default=True,
    help="Where to serve; the next free port if it is taken, any free one for 0.",
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=".onepark",
    show_default=True,
    help="Where the city keeps everything.",
)
@click.option("--no-simulate", is_flag=True, help="Serve without traffic; providers still pay.")
@click.option(
    "--for",
    "for_s",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="End by itself after serving so long.",
)
def up(*, port: int, data_dir: Path, no_simulate: bool, for_s: float | None) -> None:
    """启动一座演示城市。Serve a demo city: servers, payment providers and traffic, all its own.

    Ctrl-C, SIGTERM and SIGHUP end everything that was started; a second one hurries.
    """
    with Requests() as requests:
        try:
            with hold(data_dir) as data, Supervisor(requests) as supervisor:
                run(data, supervisor, port=port, simulate=not no_simulate, for_s=for_s)
        except AskedToEnd:
            pass
        except (ChildFailed, DataDirBusy, MigrationFailed, OSError) as error:
            if not requests.count:  # what was asked to end may fail on its way
                raise click.ClickException(str(error)) from error
    with suppress(OSError):  # the terminal may be what ended
        click.echo("OnePark has ended.")


def run(
    data: DataDir, supervisor: Supervisor, *, port: int, simulate: bool, for_s: float | None
) -> None:
    """Bring the city up, and keep it until its time is over, a request or a death."""
    servers = _start_servers(data, supervisor)
    migrate(os.environ.get(f"{PREFIX}MIGRATION_DATABASE_URL") or servers[DATABASE_URL])
    supervisor.check()
    city = _city(data, free_port(port), servers)
    load = city.child("load", "demo", "load", "--secrets-out", str(data.lots_file))
    supervisor.run(load, within_s=LOAD_S)
    provider_url = _start_providers(city, supervisor)
    _start_platform(city, supervisor)
    write_json(data.demo_file, _description(city, provider_url))
    click.echo(f"OnePark serves at {city.base_url} (API pages: {city.base_url}/schema)")
    click.echo(f"{data.demo_file} describes the city. Ctrl-C ends it.")
    if simulate:
        supervisor.start(_traffic(city))
    supervisor.watch(for_s=for_s)


def _start_servers(data: DataDir, supervisor: Supervisor) -> dict[str, str]:
    """Return the two URLs; a server whose URL is given from outside is not started."""
    given = {name: os.environ[name] for name in (DATABASE_URL, REDIS_URL) if os.environ.get(name)}
    if DATABASE_URL not in given:
        given[DATABASE_URL] = _adopted(start_postgres(data.postgres), supervisor)
    if REDIS_URL not in given:
        given[REDIS_URL] = _adopted(start_valkey(data.valkey), supervisor)
    return given


def _adopted(server: Child, supervisor: Supervisor) -> str:
    supervisor.adopt(server)
    supervisor.check()
    return server.url


def _city(data: DataDir, port: int, servers: dict[str, str]) -> City:
    unless_given = {
        f"{PREFIX}SECRET_KEY": data.secret_key(),
        f"{PREFIX}PAYMENTS_FILE": str(data.payments_file),
        f"{PREFIX}MAIL_SPOOL": str(data.root / "mail"),
        f"{PREFIX}PUBLIC_URL": f"http://127.0.0.1:{port}",
        WORK_METRICS_PORT: str(free_port()),
    }
    ours = {f"{PREFIX}PORT": str(port), f"{PREFIX}DEMO": "true"}
    return City(data, port, {**unless_given, **os.environ, **servers, **ours})


def _start_providers(city: City, supervisor: Supervisor) -> str:
    """Start the payment providers' simulator and return where it answers."""
    file = city.data.payments_file
    ready = _rewritten(file)
    where = ("--port", "0", "--data", str(city.data.providers))
    supervisor.start(city.child("providers", *where, module="onepark.simulator.providers"))
    supervisor.wait_until(ready, "providers", within_s=PROVIDERS_S)
    address = urlsplit(json.loads(file.read_bytes())["wechat"]["base_url"])
    return f"{address.scheme}://{address.netloc}"


def _rewritten(file: Path) -> Callable[[], bool]:
    """Return a question whether the file was written after now."""
    before = file.stat().st_mtime_ns if file.exists() else 0
    return lambda: file.exists() and file.stat().st_mtime_ns != before


def _start_platform(city: City, supervisor: Supervisor) -> None:
    supervisor.start(city.child("work", "work"))
    supervisor.start(city.child("serve", "serve"))
    supervisor.wait_until(_is_ready(city.port), "serve", within_s=READY_S)


def _is_ready(port: int) -> Callable[[], bool]:
    def ask() -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PROBE_S)
        with suppress(OSError, http.client.HTTPException), closing(connection):
            connection.request("GET", "/readyz")
            return connection.getresponse().status == HTTP_OK
        return False

    return ask


def _description(city: City, provider_url: str) -> dict[str, Any]:
    """Return what a script needs to drive the city."""
    filed = json.loads(city.data.lots_file.read_bytes())
    return {
        "base_url": city.base_url,
        "database_url": city.env[DATABASE_URL],
        "redis_url": city.env[REDIS_URL],
        "provider_url": provider_url,
        "work_metrics_url": f"http://127.0.0.1:{city.env[WORK_METRICS_PORT]}/metrics",
        "lots": filed["lots"],
        "staff": filed["staff"],
    }


def _traffic(city: City) -> Child:
    """Return the simulated city; it writes its live line to our terminal."""
    child = city.child("simulate", "simulate", "--demo", str(city.data.demo_file))
    return replace(child, log=None)
