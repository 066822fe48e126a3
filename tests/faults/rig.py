"""The platform as a fault run drives it: real servers, each of which can die and come back.

Owns: the processes, the proxies between them, and how each comes back.
Never: decides when.
"""

import json
import os
import signal
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

from onepark.app.data_dir import DataDir
from onepark.infra.embedded import Child, free_port, start_postgres, start_valkey
from onepark.infra.migrations import migrate
from tests.faults.proxy import Proxy

READY_S, LOAD_S = 60.0, 300.0
POINT_S = 20.0  # a point that traffic reaches is reached within so long


class Rig:
    """One city without traffic; ``base_url`` stays the same whatever dies."""

    def __init__(self, folder: Path, *, settings: dict[str, str] | None = None) -> None:
        """Start everything; ``settings`` are PostgreSQL's.

        What was started is ended again where the rest does not start.
        """
        self.data = DataDir(folder)
        self._settings = settings
        folder.mkdir(parents=True, exist_ok=True)
        self._open = ExitStack()
        with ExitStack() as started:
            self._start(started)
            self._open = started.pop_all()

    def _start(self, started: ExitStack) -> None:
        self.postgres = start_postgres(self.data.postgres, settings=self._settings)
        started.callback(self.postgres.stop)
        self.valkey = start_valkey(self.data.valkey)
        started.callback(self.valkey.stop)
        migrate(self.postgres.url)
        self.to_postgres = _before(started, _port(self.postgres.url))
        self.to_valkey = _before(started, _port(self.valkey.url))
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.clients = _before(started, self.port)
        self.providers, self.provider_url = self._providers(started)
        self.env = {
            **os.environ,
            "ONEPARK_PAYMENTS_FILE": str(self.data.payments_file),
            "ONEPARK_PUBLIC_URL": f"http://127.0.0.1:{self.clients.port}",
            "ONEPARK_DATABASE_URL": _through(self.postgres.url, self.to_postgres),
            "ONEPARK_REDIS_URL": _through(self.valkey.url, self.to_valkey),
            "ONEPARK_SECRET_KEY": self.data.secret_key(),
            "ONEPARK_PORT": str(self.port),
            "ONEPARK_DEMO": "true",
        }
        self._load()
        self.api, self.worker = self._child("serve"), self._child("work")
        for child in (self.worker, self.api):
            child.start()
            started.callback(child.stop)
        self.until_ready()

    def _providers(self, started: ExitStack) -> tuple[Child, str]:
        """Start the simulated payment providers; return them and where they answer."""
        where = ("--port", "0", "--data", str(self.data.providers))
        program = [sys.executable, "-m", "onepark.simulator.providers", *where]
        child = Child(name="providers", command=program, log=self.data.log("providers"))
        child.start()
        started.callback(child.stop)
        child.wait_until(self.data.payments_file.exists, within_s=READY_S)
        address = urlsplit(json.loads(self.data.payments_file.read_bytes())["wechat"]["base_url"])
        return child, f"{address.scheme}://{address.netloc}"

    def _child(self, *command: str) -> Child:
        whole = [sys.executable, "-m", "onepark.app.cli", *command]
        return Child(name=command[0], command=whole, log=self.data.log(command[0]), env=self.env)

    def _load(self) -> None:
        child = self._child("demo", "load", "--secrets-out", str(self.data.lots_file))
        child.start()
        end = time.monotonic() + LOAD_S
        while (code := child.exit_code()) is None:
            assert time.monotonic() < end, f"the city was not loaded: {child.log_tail()}"
            time.sleep(0.05)
        assert code == 0, child.log_tail()

    @property
    def lots(self) -> list[dict[str, object]]:
        """The lots of the city with the keys of their gates."""
        lots: list[dict[str, object]] = json.loads(self.data.lots_file.read_bytes())["lots"]
        return lots

    def until_ready(self) -> None:
        """Wait until the API may be asked."""
        end = time.monotonic() + READY_S
        while time.monotonic() < end:
            with suppress(OSError), urlopen(f"{self.base_url}/readyz", timeout=3) as answer:
                if answer.status == 200:
                    return
            self.revive()
            time.sleep(0.1)
        raise AssertionError(f"the API is not ready: {self.api.log_tail()}")

    def revive(self) -> None:
        """Start again whatever has died, as a supervisor of services would."""
        for child in (self.postgres, self.valkey, self.api, self.worker):
            if child.exit_code() is not None:
                child.start()

    def kill(self, child: Child) -> None:
        """End a process at once, and start it again."""
        os.kill(child.pid, signal.SIGKILL)
        _gone(child)
        child.start()

    def kill_at(self, child: Child, point: str) -> bool:
        """Let a process meet its end at a point of its own code; False if it never got there."""
        child.env = {**self.env, "ONEPARK_FAULT_POINT": point}
        self.kill(child)
        child.env = self.env
        end = time.monotonic() + POINT_S
        while child.exit_code() is None and time.monotonic() < end:
            time.sleep(0.01)
        reached = child.exit_code() is not None
        assert child.exit_code() in {None, -signal.SIGKILL}, child.log_tail()
        if reached:
            child.start()
        else:
            self.kill(child)
        return reached

    def away(self, child: Child, seconds: float) -> None:
        """End a process at once; it comes back after a while."""
        os.kill(child.pid, signal.SIGKILL)
        _gone(child)
        time.sleep(seconds)
        child.start()

    def pause(self, child: Child, seconds: float) -> None:
        """Stop a process for a while without ending it."""
        os.kill(child.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(child.pid, signal.SIGCONT)

    def close(self) -> None:
        """End everything, the youngest first."""
        self._open.close()


def _before(started: ExitStack, port: int) -> Proxy:
    """Return a proxy in front of a port of this machine."""
    proxy = Proxy(port)
    started.callback(proxy.close)
    return proxy


def _gone(child: Child) -> None:
    end = time.monotonic() + 10
    while child.exit_code() is None:
        assert time.monotonic() < end, f"{child.name} does not die"
        time.sleep(0.01)


def _port(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None, "a started server has a port"
    return port


def _through(url: str, proxy: Proxy) -> str:
    """Return a server's address by way of its proxy."""
    return url.replace(f":{_port(url)}/", f":{proxy.port}/")
