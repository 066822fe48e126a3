"""A served city and whoever speaks to it over HTTP, as strangers would."""

import asyncio
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import asyncpg
import standardwebhooks

READY_S = 120
numbers = count(1)
Answer = tuple[int, Any]


def call(
    url: str,
    method: str = "GET",
    body: bytes | dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    *,
    address: str = "127.0.0.1",
) -> Answer:
    """Return status and decoded body; an answer that is no JSON comes as bytes."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=40, source_address=(address, 0))
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    kind = {"Content-Type": "application/json"} if data is not None else {}
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, target, data, kind | (headers or {}))
        answer = connection.getresponse()
        raw = answer.read()
        told = dict(answer.getheaders())
    finally:
        connection.close()
    try:
        return answer.status, json.loads(raw)
    except ValueError:
        return answer.status, raw or told


def soon(what: Callable[[], Any], *, within_s: float = 20) -> Any:
    """Return what becomes true in time."""
    end = time.monotonic() + within_s
    while not (seen := what()):
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)
    return seen


@dataclass
class Gate:
    """One device at one lane."""

    base_url: str
    lot: str
    device: str
    lane: str
    secret: str

    def signed(
        self, body: bytes, at: datetime | None = None, device: str | None = None
    ) -> dict[str, str]:
        """Headers by the reference implementation of Standard Webhooks, not by our own."""
        stamp = at or datetime.now(UTC)
        message_id = f"msg_{next(numbers)}"
        signature = standardwebhooks.Webhook(self.secret).sign(message_id, stamp, body.decode())
        return {
            "onepark-device": device or self.device,
            "webhook-id": message_id,
            "webhook-timestamp": str(int(stamp.timestamp())),
            "webhook-signature": signature,
        }

    def row(self, kind: str, plate: str, **changes: Any) -> dict[str, Any]:
        """A passage at this lane now."""
        return {
            "passage_id": f"{os.getpid()}-{next(numbers)}",
            "lot": self.lot,
            "lane": self.lane,
            "kind": kind,
            "plate": plate,
            "plate_color": "blue",
            "vehicle": "small",
            "seen_at": datetime.now(UTC).isoformat(),
        } | changes

    def send(self, body: bytes, **signing: Any) -> Answer:
        url = f"{self.base_url}/v1/gate/passages"
        return call(url, "POST", body, self.signed(body, **signing))

    def report(self, *rows: dict[str, Any]) -> list[dict[str, Any]]:
        status, told = self.send(json.dumps({"passages": rows}).encode())
        assert status == 200, told
        results: list[dict[str, Any]] = told["results"]
        return results

    def pass_by(self, kind: str, plate: str, **changes: Any) -> dict[str, Any]:
        return self.report(self.row(kind, plate, **changes))[0]

    def commands(self, *, wait_s: int = 0) -> list[dict[str, Any]]:
        url = f"{self.base_url}/v1/gate/commands?wait_s={wait_s}"
        status, told = call(url, headers=self.signed(b""))
        assert status == 200, told
        commands: list[dict[str, Any]] = told["commands"]
        return commands

    def commands_for(self, plate: str, *, within_s: float = 0) -> list[dict[str, Any]]:
        """The commands for one car: other cars of other tests may have some here too."""
        end = time.monotonic() + within_s
        while True:
            found = [one for one in self.commands(wait_s=int(within_s)) if one["plate"] == plate]
            if found or time.monotonic() >= end:
                return found
            time.sleep(0.05)

    def acknowledge(self, command_id: int, result: str = "done") -> str:
        body = json.dumps({"acks": [{"command_id": command_id, "result": result}]}).encode()
        url = f"{self.base_url}/v1/gate/commands/acks"
        status, told = call(url, "POST", body, self.signed(body))
        assert status == 200, told
        outcome: str = told["results"][0]["outcome"]
        return outcome


@dataclass
class Lot:
    """One lot with its two gates, as a driver and as its devices see it."""

    base_url: str
    code: str
    capacity: int
    entry: Gate
    exit: Gate

    def free(self) -> int:
        status, told = call(f"{self.base_url}/v1/vacancies/{self.code}")
        assert status == 200, told
        free: int = told["free"]
        return free

    def free_becomes(self, wanted: int) -> None:
        soon(lambda: self.free() == wanted, within_s=5)

    def admit(self, plate: str, *, hours_ago: float = 5) -> dict[str, Any]:
        """Let a car in that came some hours ago."""
        came_at = datetime.now(UTC) - timedelta(hours=hours_ago)
        return self.entry.pass_by("entry", plate, seen_at=came_at.isoformat())


@dataclass
class City:
    """`onepark up` in a process of its own."""

    process: subprocess.Popen[bytes]
    data: Path
    demo: dict[str, Any] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        url: str = self.demo["base_url"]
        return url

    def known(self, sql: str, *values: object) -> Any:
        """One value out of the city's database, for fixtures that are not async."""

        async def asked() -> Any:
            connection = await asyncpg.connect(self.demo["database_url"])
            try:
                return await connection.fetchval(sql, *values)
            finally:
                await connection.close()

        return asyncio.run(asked())

    @property
    def lots(self) -> list[Lot]:
        return [self._lot(one) for one in self.demo["lots"]]

    def _lot(self, one: dict[str, Any]) -> Lot:
        gates = [Gate(self.base_url, one["lot"], **one[side]) for side in ("entry", "exit")]
        return Lot(self.base_url, one["lot"], one["capacity"], *gates)

    def priced_lot(self) -> Lot:
        """A lot where five hours cost something, whatever the hour: hospitals charge at night."""
        for lot in self.lots:
            asked = {
                "lot": lot.code,
                "entered_at": (datetime.now(UTC) - timedelta(hours=5)).isoformat(),
                "until_at": datetime.now(UTC).isoformat(),
            }
            status, told = call(f"{self.base_url}/v1/tariffs/quote", "POST", asked)
            assert status == 200, told
            if told["amount_fen"] > 0:
                return lot
        raise AssertionError("no lot charges now")

    def behave(self, **change: Any) -> None:
        """Tell the payment providers how to behave."""
        url = f"{self.demo['provider_url']}/_simulator/behaviour"
        status, told = call(url, "POST", change)
        assert status < 300, told

    def trade(self, out_trade_no: str) -> dict[str, Any]:
        url = f"{self.demo['provider_url']}/_simulator/trades/{out_trade_no}"
        status, told = call(url)
        assert status == 200, told
        trade: dict[str, Any] = told
        return trade

    def dues(self, plate: str) -> list[dict[str, Any]]:
        address = f"127.0.1.{next(numbers) % 250 + 1}"  # nobody else's look-ups count against it
        status, told = call(f"{self.base_url}/v1/dues?plate={quote(plate)}", address=address)
        assert status == 200, told
        dues: list[dict[str, Any]] = told["dues"]
        return dues

    def pay(self, order_no: str, channel: str, *, key: str | None = None) -> Answer:
        headers = {"Idempotency-Key": key or f"key-{os.getpid()}-{next(numbers)}"}
        body = {"order_no": order_no, "channel": channel}
        return call(f"{self.base_url}/v1/payments", "POST", body, headers)

    def order(self, order_no: str) -> dict[str, Any]:
        status, told = call(f"{self.base_url}/v1/orders/{order_no}")
        assert status == 200, told
        order: dict[str, Any] = told
        return order

    def is_paid(self, order_no: str) -> bool:
        return bool(self.order(order_no)["state"] == "paid")

    def log(self, name: str) -> str:
        return (self.data / "logs" / f"{name}.log").read_text()

    def end(self) -> int:
        """Ask for the end and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def start_city(
    data: Path, *, env: dict[str, str] | None = None, without: Collection[str] = ()
) -> City:
    """Start a city without traffic and return it served."""
    inherited = {name: value for name, value in os.environ.items() if name not in without}
    command = [sys.executable, "-m", "onepark.app.cli", "up", "--port", "0", "--no-simulate"]
    log = data.parent / f"{data.name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--data-dir", str(data)],
            stdout=out,
            stderr=out,
            env={**inherited, **(env or {})},
        )
    city = City(process, data)
    demo = data / "demo.json"
    soon(lambda: demo.exists() or process.poll() is not None, within_s=READY_S)
    assert process.poll() is None, log.read_text()
    city.demo = json.loads(demo.read_bytes())
    return city


plates = count(random.randrange(90_000))


def a_plate() -> str:
    """A plate that no other test of this run uses, and that is like none of the last."""
    return f"苏B{next(plates) * 48_271 % 100_000:05d}"
