"""Runs a command on Debian's PostgreSQL 15 and Redis: `debian_servers.py COMMAND...`.

Owns: installing the two where they are missing, and private instances of them on free ports.
Never: touches a system service, a default port, or data that it did not make.
"""

import contextlib
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from signal import SIGINT

from onepark.app.supervise import AskedToEnd, Requests, Supervisor
from onepark.infra.embedded import Child, ChildFailed, free_port
from onepark.infra.embedded.child import Account, identity

POSTGRES = Path("/usr/lib/postgresql/15/bin")
PACKAGES = ("postgresql-15", "redis-server")
READY_S = 60.0
RUN_S = 3_000.0

# While this file stands, Debian's packages start no service when they are installed.
POLICY = Path("/usr/sbin/policy-rc.d")
START_NOTHING = "#!/bin/sh\nexit 101\n"


def main(command: list[str]) -> int:
    """Run the command with both servers named in its environment; return its exit status."""
    install()
    with tempfile.TemporaryDirectory(prefix="onepark-debian-") as name, Requests() as requests:
        folder = Path(name)
        folder.chmod(0o711)
        with Supervisor(requests) as servers:
            urls = {
                "ONEPARK_DATABASE_URL": start_postgres(folder, servers),
                "ONEPARK_REDIS_URL": start_redis(folder, servers),
            }
            return run(command, {**os.environ, **urls}, servers)


def run(command: list[str], env: dict[str, str], servers: Supervisor) -> int:
    """Run the command to its end; a request to end reaches it through its supervisor."""
    child = Child("the command", command, log=None, stop_signal=SIGINT, env=env)
    with contextlib.suppress(AskedToEnd):
        try:
            servers.run(child, within_s=RUN_S)
        except ChildFailed as failed:
            print(failed, file=sys.stderr)
    return child.exit_code() or 0


def install() -> None:
    """Install what is missing, as root; an ordinary user is told what to ask for."""
    if (POSTGRES / "postgres").exists() and shutil.which("redis-server"):
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise SystemExit(f"missing on this machine: apt-get install {' '.join(PACKAGES)}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    options = ("--yes", "--no-install-recommends")
    with services_left_alone():
        subprocess.run(("apt-get", "update"), check=True, env=env)
        subprocess.run(("apt-get", "install", *options, *PACKAGES), check=True, env=env)


@contextlib.contextmanager
def services_left_alone() -> Iterator[None]:
    """Keep new packages from starting their services; a policy that stands already is kept."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text(START_NOTHING)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def start_postgres(folder: Path, servers: Supervisor) -> str:
    """Start a new cluster and return its URL; as root it runs as Debian's own account."""
    account = account_of("postgres") if os.geteuid() == 0 else None
    home = folder / "postgres"
    home.mkdir()
    password = secrets.token_urlsafe(24)
    (home / "password").write_text(password)
    if account is not None:
        for path in (home, home / "password"):
            os.chown(path, account.uid, account.gid)
    data = str(home / "data")
    initdb = [str(POSTGRES / "initdb"), "-D", data, "-U", "onepark", "--encoding=UTF8"]
    initdb += ["--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile={home / 'password'}"]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd="/", **identity(account))
    port = free_port()
    settings = {
        "port": port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "fsync": "on",
        "max_connections": 64,
        "timezone": "UTC",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    server = [str(POSTGRES / "postgres"), "-D", data, *options]
    log = folder / "postgres.log"
    servers.start(Child("postgres", server, log, stop_signal=SIGINT, account=account))
    asked = [str(POSTGRES / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    servers.wait_until(
        lambda: subprocess.run(asked, check=False).returncode == 0, "postgres", within_s=READY_S
    )
    return f"postgresql://onepark:{password}@127.0.0.1:{port}/postgres"


def start_redis(folder: Path, servers: Supervisor) -> str:
    """Start an empty Redis that persists nothing and return its URL."""
    port, password = free_port(), secrets.token_urlsafe(24)
    settings = {
        "bind": "127.0.0.1",
        "port": port,
        "dir": folder,
        "requirepass": password,
        "save": '""',
        "appendonly": "no",
    }
    config = folder / "redis.conf"
    config.touch(mode=0o600)
    config.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    servers.start(Child("redis", ["redis-server", str(config)], folder / "redis.log"))
    servers.wait_until(listens(port), "redis", within_s=READY_S)
    return f"redis://default:{password}@127.0.0.1:{port}/0"


def listens(port: int) -> Callable[[], bool]:
    """Return a question whether somebody accepts connections on the port."""

    def ask() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    return ask


def account_of(name: str) -> Account:
    """Return a system account by its name."""
    entry = pwd.getpwnam(name)
    return Account(entry.pw_uid, entry.pw_gid)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
