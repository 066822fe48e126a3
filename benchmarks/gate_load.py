"""The load of gates: half entries, half priced exits, 2 % repeats, all signed before it is sent.

Owns: which cars come and go at which lots, and the bytes of the requests.
Never: sends anything, or uses a passage id for two passages.

A generation holds the entries of cars that come now and the exits of cars that came hours ago, in
turn: both stand at a barrier. Those that leave are told of before, and not measured. A repeat is a
passage that its device sent, and was answered, in an earlier generation.
"""

import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any, NamedTuple
from uuid import uuid4

from benchmarks.big_city import DrivenLot, Gate
from onepark.infra.signing import sign

PATH = "/v1/gate/passages"
REPEATS_SHARE = 0.02
STAY_MIN_S, STAY_SPREAD_S = 4_200, 9_000  # between 70 minutes and 220: beyond what is free
LIVE_STAY_S = 2
OFFLINE_S = 72 * 3_600
PLATES = 800_000

Row = dict[str, Any]


class Visit(NamedTuple):
    """Cars of one request that are inside."""

    lot: DrivenLot
    plates: list[str]


class Generation(NamedTuple):
    """Requests in their order, and how many of their passages are no repeats."""

    before: list[bytes]  # to be sent first: where the cars that leave came in
    requests: list[bytes]
    arrived: int  # cars of ``before``
    entries: int
    exits: int

    @property
    def passages(self) -> int:
        return self.entries + self.exits


class Load:
    """Cars that come to lots and leave them, for as many generations as are asked for."""

    def __init__(
        self, lots: Sequence[DrivenLot], port: int, *, each: int, live: bool = False
    ) -> None:
        """``live``: those that leave came a generation before, a moment ago."""
        self._lots, self._port, self._each, self._live = lots, port, each, live
        self._run, self._numbers = uuid4().hex[:10], count(1)
        self._next_lot, self._due = count(), 0.0
        self._inside: list[Visit] = []
        self._sent: dict[str, list[Row]] = {}  # by device, of earlier generations

    def generation(self, passages: int) -> Generation:
        """Return so many passages, repeats included; a first live one has no exits."""
        was_inside, self._inside, fresh = self._inside, [], {}
        before: list[bytes] = []
        requests: list[bytes] = []
        counts = {"arrived": 0, "entry": 0, "exit": 0}
        for place in range(passages // 2 // self._each):
            leaving = was_inside[place] if place < len(was_inside) else None
            if not self._live:
                leaving, request = self._came_before()
                before.append(request)
                counts["arrived"] += len(leaving.plates)
            for kind, lot, rows in self._pair(leaving):
                gate = lot.entry if kind == "entry" else lot.exit
                repeats = self._each - len(rows)
                known = self._sent.get(gate.device, [])[:repeats]
                if rows or known:
                    requests.append(self.request(gate, rows + known))
                counts[kind] += len(rows)
                fresh[gate.device] = rows or known
        self._sent |= fresh
        return Generation(before, requests, counts["arrived"], counts["entry"], counts["exit"])

    def backlog(self, passages: int) -> list[bytes]:
        """Return what gates that were offline for three days keep: entries, then their exits."""
        requests, now, pairs = [], int(time.time()), passages // 2 // self._each
        for number in range(pairs):
            lot, ago_s = self._lot(), OFFLINE_S - number * OFFLINE_S // pairs
            plates = [self._plate() for _ in range(self._each)]
            came = [self._row(lot, "entry", one, now - ago_s - _stay_s(one)) for one in plates]
            left = [self._row(lot, "exit", one, now - ago_s) for one in plates]
            requests += [self.request(lot.entry, came), self.request(lot.exit, left)]
        return requests

    def _came_before(self) -> tuple[Visit, bytes]:
        """Let cars in that came hours ago, and leave in this generation."""
        lot, now = self._lot(), int(time.time())
        visit = Visit(lot, [self._plate() for _ in range(self._new_ones(lot.exit))])
        rows = [self._row(lot, "entry", one, now - _stay_s(one)) for one in visit.plates]
        return visit, self.request(lot.entry, rows)

    def _pair(self, leaving: Visit | None) -> Iterator[tuple[str, DrivenLot, list[Row]]]:
        lot, now = self._lot(), int(time.time())
        plates = [self._plate() for _ in range(self._new_ones(lot.entry))]
        self._inside.append(Visit(lot, plates))
        came_s = now - LIVE_STAY_S if self._live else now
        yield "entry", lot, [self._row(lot, "entry", plate, came_s) for plate in plates]
        if leaving is not None:
            rows = [self._row(leaving.lot, "exit", plate, now) for plate in leaving.plates]
            yield "exit", leaving.lot, rows

    def _lot(self) -> DrivenLot:
        return self._lots[next(self._next_lot) % len(self._lots)]

    def _new_ones(self, gate: Gate) -> int:
        """Return how many passages of a request are new; the rest are repeats."""
        if not self._sent.get(gate.device):
            return self._each
        self._due += REPEATS_SHARE * self._each
        repeats = min(int(self._due), len(self._sent[gate.device]))
        self._due -= repeats
        return self._each - repeats

    def _plate(self) -> str:
        letter, digits = divmod(next(self._numbers) * 7_919 % PLATES, 100_000)
        return f"苏{chr(65 + letter)}{digits:05d}"

    def _row(self, lot: DrivenLot, kind: str, plate: str, at_s: int) -> Row:
        gate = lot.entry if kind == "entry" else lot.exit
        return {
            "passage_id": f"{self._run}-{next(self._numbers)}",
            "lot": lot.code,
            "lane": gate.lane,
            "kind": kind,
            "plate": plate,
            "plate_color": "blue",
            "vehicle": "small",
            "seen_at": datetime.fromtimestamp(at_s, UTC).isoformat(),
        }

    def request(self, gate: Gate, rows: Sequence[Row]) -> bytes:
        """Return the bytes of one signed request."""
        body = json.dumps({"passages": rows}, ensure_ascii=False).encode()
        return signed(gate, body, self._port, message_id=f"{self._run}-{next(self._numbers)}")


def _stay_s(plate: str) -> int:
    """Return how long ago a car came, by the digits of its plate."""
    return STAY_MIN_S + int(plate[2:]) * 37 % STAY_SPREAD_S


def signed(gate: Gate, body: bytes, port: int, *, message_id: str) -> bytes:
    """Return a request with the headers of Standard Webhooks."""
    now_s = int(time.time())
    signature = sign(body, gate.secret, message_id=message_id, timestamp_s=now_s)
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"onepark-device: {gate.device}\r\nwebhook-id: {message_id}\r\n"
        f"webhook-timestamp: {now_s}\r\nwebhook-signature: {signature}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
