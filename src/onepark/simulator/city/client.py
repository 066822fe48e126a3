"""The public HTTP API as devices and drivers use it.

Owns: signing as a device, encoding, decoding, and the two ways in which a request can fail.
Never: retries, counts, or knows why it is asked.
"""

import time
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

import msgspec

from onepark.infra.http_client import HttpClient, PeerUnavailable
from onepark.infra.signing import decode_secret, sign
from onepark.simulator.city.profile import LotFacts
from onepark.simulator.city.wire import (
    Answer,
    Answers,
    Command,
    Commands,
    Dues,
    Gate,
    OrderStanding,
    Payment,
    Problem,
    ProviderBooks,
    Report,
    Vacancy,
)

JSON = {"content-type": "application/json"}
OK = (200, 201)

Told = TypeVar("Told")


class Failed(Exception):
    """No usable answer came; ``kind`` names the trouble in one word."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class Refused(Failed):
    """The platform understood and declined, or asks for patience."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code if code != "unknown" else f"status_{status}")
        self.status, self.code = status, code


class Api:
    """One served city and its payment providers."""

    def __init__(
        self,
        base_url: str,
        *,
        http: HttpClient,
        patient: HttpClient,
        provider_url: str = "",
    ) -> None:
        """Take a client for short requests and a patient one for long polls and whole books."""
        self._url, self._provider_url = base_url.rstrip("/"), provider_url.rstrip("/")
        self._http, self._patient = http, patient

    # -- devices -------------------------------------------------------------------------------

    async def report(self, gate: Gate, reports: list[Report]) -> list[Answer]:
        """Report passages of one device and return the answers in their order."""
        body = msgspec.json.encode({"passages": reports})
        answers = await self._signed(gate, "/v1/gate/passages", body, kind=Answers)
        if len(answers.results) != len(reports):
            raise Failed("answers_missing")
        return answers.results

    async def beat(self, gate: Gate, device_time: str) -> None:
        """Say that a device lives."""
        body = msgspec.json.encode({"device_time": device_time, "status": "ok"})
        await self._signed(gate, "/v1/gate/heartbeats", body, kind=dict[str, Any])

    async def commands(self, gate: Gate, *, wait_s: int) -> list[Command]:
        """Wait for commands to one device."""
        url = f"{self._url}/v1/gate/commands?wait_s={wait_s}"
        headers = _signature(gate, b"")
        return _told(await _ask(self._patient, "GET", url, headers=headers), Commands).commands

    async def acknowledge(self, gate: Gate, results: Mapping[int, str]) -> None:
        """Say what became of commands."""
        acks = [{"command_id": number, "result": result} for number, result in results.items()]
        body = msgspec.json.encode({"acks": acks})
        await self._signed(gate, "/v1/gate/commands/acks", body, kind=dict[str, Any])

    # -- drivers -------------------------------------------------------------------------------

    async def dues(self, plate: str) -> list[str]:
        """Return the numbers of the orders that a plate owes."""
        dues = await self._get(f"/v1/dues?plate={quote(plate)}", Dues)
        return [due.order_no for due in dues.dues]

    async def pay(self, order_no: str, channel: str, *, key: str) -> Payment:
        """Begin to pay what an order owes now."""
        body = msgspec.json.encode({"order_no": order_no, "channel": channel})
        headers = {**JSON, "idempotency-key": key}
        url = f"{self._url}/v1/payments"
        return _told(await _ask(self._http, "POST", url, headers=headers, body=body), Payment)

    async def order(self, order_no: str) -> OrderStanding:
        """Ask how an order stands."""
        return await self._get(f"/v1/orders/{quote(order_no)}", OrderStanding)

    # -- everybody -----------------------------------------------------------------------------

    async def lot(self, code: str) -> LotFacts:
        """Ask what kind of lot it is."""
        return await self._get(f"/v1/lots/{quote(code)}", LotFacts)

    async def vacancy(self, code: str) -> Vacancy:
        """Ask how full a lot is."""
        return await self._get(f"/v1/vacancies/{quote(code)}", Vacancy)

    async def provider_books(self) -> ProviderBooks:
        """Return every trade that the simulated payment providers know."""
        url = f"{self._provider_url}/_simulator/books"
        return _told(await _ask(self._patient, "GET", url), ProviderBooks)

    async def _get(self, path: str, kind: type[Told]) -> Told:
        return _told(await _ask(self._http, "GET", self._url + path), kind)

    async def _signed(self, gate: Gate, path: str, body: bytes, *, kind: type[Told]) -> Told:
        headers = {**JSON, **_signature(gate, body)}
        answer = await _ask(self._http, "POST", self._url + path, headers=headers, body=body)
        return _told(answer, kind)


async def _ask(
    http: HttpClient,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> bytes:
    try:
        answer = await http.request(method, url, headers=headers or {}, body=body)
    except PeerUnavailable as unavailable:
        raise Failed("no_answer") from unavailable
    if answer.status not in OK:
        raise Refused(answer.status, _code_of(answer.body))
    return answer.body


def _told(body: bytes, kind: type[Told]) -> Told:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise Failed("answer_unreadable") from error


def _code_of(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=Problem).code
    except msgspec.DecodeError:
        return "unknown"


def _signature(gate: Gate, body: bytes) -> dict[str, str]:
    message_id, now_s = f"msg_{uuid4().hex}", int(time.time())
    secret = decode_secret(gate.secret)
    return {
        "onepark-device": gate.device,
        "webhook-id": message_id,
        "webhook-timestamp": str(now_s),
        "webhook-signature": sign(body, secret, message_id=message_id, timestamp_s=now_s),
    }
