"""A gate that reports: signed batches, sent until they are answered.

Owns: signing, resending with the same ids, and noting what the answers count.
Never: gives a passage up, or a new id to one that was sent.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from uuid import uuid4

import gevent
import msgspec
from locust.contrib.fasthttp import FastHttpSession

from loadtests.common.books import BOOKS
from onepark.infra.signing import decode_secret, sign
from onepark.simulator.city.wire import Answer, Answers, DemoLot, Gate, Report

PATH = "/v1/gate/passages"
BACKOFF_S = (0.1, 0.3, 1.0, 2.0)
OK = 200
COUNTED = {"entry": 1, "exit": -1}

numbers = count(1)


class GateClient:
    """The two devices of one lot."""

    def __init__(self, http: FastHttpSession, lot: DemoLot, *, name: str = PATH) -> None:
        self._http, self.lot, self._name = http, lot, name
        self._process = uuid4().hex[:12]  # ids are never used again, by no run

    def report(self, kind: str, plate: str, at: datetime | None = None) -> Report:
        """Return one passage of a car, seen now or at a moment."""
        gate = self.lot.entry if kind == "entry" else self.lot.exit
        return Report(
            passage_id=f"load-{self._process}-{next(numbers)}",
            lot=self.lot.lot,
            lane=gate.lane,
            kind=kind,
            plate=plate,
            plate_color="blue",
            vehicle="small",
            seen_at=at or datetime.now(UTC),
        )

    def send(self, reports: Sequence[Report]) -> list[Answer]:
        """Send passages of one side until they are answered, and count them in."""
        gate = self.lot.entry if reports[0].kind == "entry" else self.lot.exit
        body = msgspec.json.encode({"passages": reports})
        tries = 0
        while (answers := self._try(gate, body, len(reports))) is None:
            gevent.sleep(BACKOFF_S[min(tries, len(BACKOFF_S) - 1)])
            tries += 1
        for sent, answer in zip(reports, answers, strict=True):
            self._note(sent, answer)
        return answers

    def repeat(self, reports: Sequence[Report], first: Sequence[Answer]) -> None:
        """Send again what was answered; every answer must be the same and move nothing."""
        gate = self.lot.entry if reports[0].kind == "entry" else self.lot.exit
        again = self._try(gate, msgspec.json.encode({"passages": reports}), len(reports))
        for before, now in zip(first, again or (), strict=False):
            BOOKS.repeats += 1
            same = (before.stay_id, before.order_no, before.due_fen, before.decision)
            told = (now.stay_id, now.order_no, now.due_fen, now.decision)
            BOOKS.repeats_wrong += now.outcome != "duplicate" or same != told

    def _note(self, sent: Report, answer: Answer) -> None:
        """A resent passage is a duplicate: its first answer was lost, and it counts once."""
        BOOKS.passages += 1
        if answer.outcome in {"accepted", "duplicate"}:
            BOOKS.move(self.lot.lot, COUNTED.get(sent.kind, 0))

    def _try(self, gate: Gate, body: bytes, many: int) -> list[Answer] | None:
        """Return the answers, or None where the batch has to be sent again."""
        with self._http.request(
            "POST",
            PATH,
            name=self._name,
            data=body,  # type: ignore[arg-type]  # bytes are taken as they are
            headers=_headers(gate, body),
            catch_response=True,
        ) as response:
            if response.status_code != OK or response.content is None:
                response.failure(f"status {response.status_code}")
                return None
            results = msgspec.json.decode(response.content, type=Answers).results
            refused = [one for one in results if one.outcome in {"rejected", "conflict"}]
            if len(results) != many:
                response.failure("answers missing")
                return None
            if refused:
                response.failure(f"{refused[0].outcome}: {refused[0].reason}")
            else:
                response.success()
            return results


def _headers(gate: Gate, body: bytes) -> dict[str, str]:
    message_id, now_s = f"msg_{uuid4().hex}", int(time.time())
    signature = sign(body, decode_secret(gate.secret), message_id=message_id, timestamp_s=now_s)
    return {
        "content-type": "application/json",
        "onepark-device": gate.device,
        "webhook-id": message_id,
        "webhook-timestamp": str(now_s),
        "webhook-signature": signature,
    }
