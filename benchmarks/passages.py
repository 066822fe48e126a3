"""Passages acknowledged after commit, beside single-row inserts on the same server.

Owns: the load (half entries, half exits, signed, over many lots) and the alternation of both sides.
Never: asserts a number of seconds; it prints medians with the range, the machine and the settings.

usage: nox -s bench -- --only passages_1,passages_100
"""

import asyncio
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from benchmarks.side_by_side import Measurement, told
from onepark.infra.embedded.postgres import binaries
from onepark.infra.signing import decode_secret, sign

CONNECTIONS = 64
PGBENCH_CLIENTS = (8, 16, 32, 64)
PGBENCH_S = 4
ROUNDS = 5
TPS = re.compile(r"tps = ([\d.]+)")
numbers = count(1)
INSERT = """\
\\set lot random(1, 1000)
INSERT INTO bench_row (lot_id, plate, seen_at) VALUES (:lot, '苏B00000', now());
"""
MADE = "CREATE TABLE IF NOT EXISTS bench_row (id bigserial PRIMARY KEY, lot_id bigint, plate text, \
seen_at timestamptz)"


def serve(folder: Path) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    """Start a city without traffic and return it served."""
    command = [sys.executable, "-m", "onepark.app.cli", "up", "--port", "0", "--no-simulate"]
    process = subprocess.Popen([*command, "--data-dir", str(folder)], stdout=subprocess.DEVNULL)
    demo = folder / "demo.json"
    while not demo.exists():
        assert process.poll() is None, "the city did not start"
        time.sleep(0.1)
    return process, json.loads(demo.read_bytes())


def requests_of(demo: dict[str, Any], passages: int, *, each: int) -> list[list[bytes]]:
    """Return two waves of signed requests: all cars enter, then all leave."""
    host = urlsplit(demo["base_url"]).netloc
    lots, now = demo["lots"], datetime.now(UTC)
    waves: list[list[bytes]] = [[], []]
    for batch in range(passages // 2 // each):
        lot = lots[batch % len(lots)]
        plates = [f"苏{chr(65 + n // 100_000 % 8)}{n % 100_000:05d}" for n in _take(each)]
        for wave, (kind, side, at) in zip(
            waves,
            (("entry", "entry", now - timedelta(hours=2)), ("exit", "exit", now)),
            strict=True,
        ):
            wave.append(_request(host, lot, side, [_row(lot, kind, p, at) for p in plates]))
    return waves


def _take(many: int) -> list[int]:
    return [next(numbers) for _ in range(many)]


def _row(lot: dict[str, Any], kind: str, plate: str, at: datetime) -> dict[str, Any]:
    return {
        "passage_id": f"bench-{next(numbers)}",
        "lot": lot["lot"],
        "lane": lot[kind]["lane"],
        "kind": kind,
        "plate": plate,
        "plate_color": "blue",
        "vehicle": "small",
        "seen_at": at.isoformat(),
    }


def _request(host: str, lot: dict[str, Any], side: str, rows: list[dict[str, Any]]) -> bytes:
    body = json.dumps({"passages": rows}).encode()
    gate, message_id, now_s = lot[side], f"msg_{next(numbers)}", int(time.time())
    secret = decode_secret(gate["secret"])
    signature = sign(body, secret, message_id=message_id, timestamp_s=now_s)
    head = (
        f"POST /v1/gate/passages HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"onepark-device: {gate['device']}\r\nwebhook-id: {message_id}\r\n"
        f"webhook-timestamp: {now_s}\r\nwebhook-signature: {signature}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def drive(url: str, waves: Sequence[Sequence[bytes]]) -> float:
    """Send every wave over kept connections; return the seconds, every passage accepted."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    pairs = [await asyncio.open_connection(parts.hostname, parts.port) for _ in range(CONNECTIONS)]
    began, accepted = time.perf_counter(), 0
    for wave in waves:
        waiting = iter(wave)
        done = await asyncio.gather(*(_connection(r, w, waiting) for r, w in pairs))
        accepted += sum(done)
    took = time.perf_counter() - began
    for _, writer in pairs:
        writer.close()
    asked = sum(request.count(b'"passage_id"') for wave in waves for request in wave)
    assert accepted == asked, f"{accepted} of {asked} passages were accepted"
    return took


async def _connection(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, waiting: Any
) -> int:
    accepted = 0
    for request in waiting:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head.lower())[1])  # type: ignore[index]
        accepted += (await reader.readexactly(length)).count(b'"outcome":"accepted"')
    return accepted


def pgbench(url: str, script: Path, clients: int) -> float:
    """Return transactions a second of single-row inserts, prepared."""
    command = [str(binaries() / "pgbench"), "-n", "-M", "prepared", "-j", "2", "-c", str(clients)]
    command += ["-T", str(PGBENCH_S), "-f", str(script), url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = TPS.search(done.stdout)
    assert found is not None, done.stdout
    return float(found[1])


def beside_inserts(name: str, *, each: int, passages: int) -> Iterator[Measurement]:
    """Alternate passages, so many a request, with single-row inserts on the same server."""
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        folder.chmod(0o711)
        process, demo = serve(folder / "city")
        try:
            yield _measured(name, demo, folder, each=each, passages=passages)
        finally:
            process.terminate()
            process.wait(30)


def _measured(
    name: str, demo: dict[str, Any], folder: Path, *, each: int, passages: int
) -> Measurement:
    url, script = demo["database_url"], folder / "insert.sql"
    script.write_text(INSERT)
    subprocess.run([str(binaries() / "psql"), url, "-qc", MADE], check=True)
    clients = max(PGBENCH_CLIENTS, key=lambda c: pgbench(url, script, c))
    rates, inserts = [], []
    for turn in range(ROUNDS + 1):
        waves = requests_of(demo, passages, each=each)
        sent = 2 * each * len(waves[0])
        reached = (
            sent / asyncio.run(drive(demo["base_url"], waves)),
            pgbench(url, script, clients),
        )
        if turn:  # the first round warms up
            rates.append(reached[0])
            inserts.append(reached[1])
    ratios = [ours / peer for ours, peer in zip(rates, inserts, strict=True)]
    unit = f"passages/s, inserts/s of {clients} clients; fsync, synchronous_commit, row security on"
    return told(name, ratios, (median(rates), median(inserts)), unit)


CASES: Mapping[str, Callable[[], Iterator[Measurement]]] = {
    "passages_1": partial(beside_inserts, "passages_1", each=1, passages=10_000),
    "passages_100": partial(beside_inserts, "passages_100", each=100, passages=20_000),
}
