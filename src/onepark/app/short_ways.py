"""The three requests that come most, answered before the framework is asked.

Owns: which requests go the short way, and how their bodies and answers cross ASGI.
Never: answers otherwise than the framework would: whatever is unusual about a request goes on to it
untouched, and an error is told in the words of every other.

A gate's passages, a citizen's look at vacancies and a provider's notice of a payment are most of
all traffic, and the framework costs more than what they ask for.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias, cast

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPResponseStartEvent, HTTPScope, Receive, Scope, Send

from onepark.app.problems import answer_to
from onepark.app.wiring import Platform
from onepark.contexts.gate.model import SIGNED_BY, Credentials
from onepark.contexts.payments.model import NoticeAnswer
from onepark.contexts.vacancies.errors import QueryInvalid
from onepark.contexts.vacancies.model import NearbyQuery
from onepark.infra.openapi import PROBLEM_MEDIA_TYPE
from onepark.infra.query import decode_query

PASSAGES, VACANCIES = "/v1/gate/passages", "/v1/vacancies"
NOTICES = "/v1/payments/notices/"
NOTICES_OF = f"{NOTICES}{{channel:str}}"
NO_CONTENT = 204
HTTP: Final = ScopeType.HTTP
OF_JSON = (b"content-type", b"application/json")
OF_PROBLEM = (b"content-type", PROBLEM_MEDIA_TYPE.encode())
SIGNED = tuple(name.encode() for name in SIGNED_BY)

Header: TypeAlias = tuple[bytes, bytes]
Way: TypeAlias = Callable[[Platform, Scope, Receive, Send], Awaitable[bool]]

_ENCODER = msgspec.json.Encoder()


class ShortWays:
    """An ASGI app before another one, to which it leaves all that it does not answer."""

    def __init__(
        self,
        app: ASGIApp,
        platform: Callable[[], Platform | None],
        *,
        gate_bytes_max: int,
        body_bytes_max: int,
    ) -> None:
        self._app, self._platform = app, platform
        self._gate_bytes_max, self._body_bytes_max = gate_bytes_max, body_bytes_max
        self._ways: dict[tuple[str, str], Way] = {
            ("POST", PASSAGES): self._passages,
            ("GET", VACANCIES): _vacancies,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what has a short way; pass anything else on as it came."""
        if scope["type"] == HTTP:
            way = self._ways.get((scope["method"], scope["path"])) or self._way_of_notice(scope)
            platform = self._platform()
            if way and platform and await way(platform, scope, receive, send):
                return
        await self._app(scope, receive, send)

    async def _passages(
        self, platform: Platform, scope: Scope, receive: Receive, send: Send
    ) -> bool:
        headers = dict(reversed([*scope["headers"]]))  # the first of a name counts
        if not _is_announced(headers, self._gate_bytes_max):
            return False
        scope["path_template"] = PASSAGES
        body = await _body(receive)
        if body is None:
            return True  # the client left, and hears no answer
        try:
            results = await platform.gate.passages(_credentials(headers), body)
        except Exception as error:  # noqa: BLE001  told as the framework would tell it
            status, problem, others = answer_to(cast("HTTPScope", scope), error)
            await _tell(send, status, problem, OF_PROBLEM, *others)
        else:
            await _tell(send, 200, _ENCODER.encode(results), OF_JSON)
        return True

    def _way_of_notice(self, scope: HTTPScope) -> Way | None:
        is_one = scope["path"].startswith(NOTICES) and scope["method"] == "POST"
        return self._notice if is_one else None

    async def _notice(self, platform: Platform, scope: Scope, receive: Receive, send: Send) -> bool:
        channel = scope["path"].removeprefix(NOTICES)
        headers = dict(reversed([*scope["headers"]]))  # the first of a name counts
        if not channel or "/" in channel or not _is_announced(headers, self._body_bytes_max):
            return False
        scope["path_template"] = NOTICES_OF
        body = await _body(receive)
        if body is None:
            return True  # the provider left, and sends it again
        texts = {name.decode("latin-1"): text.decode("latin-1") for name, text in headers.items()}
        notices = platform.money.taking.notices
        try:
            received = await notices.receive(channel, texts, body)
        except Exception as error:  # noqa: BLE001  told as the framework would tell it
            status, problem, others = answer_to(cast("HTTPScope", scope), error)
            await _tell(send, status, problem, OF_PROBLEM, *others)
            return True
        await _say(send, received.answer)
        if received.notice_id is not None:
            await notices.handle_soon(received)
        return True


def _is_announced(headers: dict[bytes, bytes], bytes_max: int) -> bool:
    """Tell whether a body says how long it is and is no longer than allowed."""
    length = headers.get(b"content-length", b"")
    return length.isdigit() and int(length) <= bytes_max


async def _say(send: Send, said: NoticeAnswer) -> None:
    """Answer in the words of a provider; no content has neither a type nor a length."""
    if said.status == NO_CONTENT:
        await send({"type": "http.response.start", "status": NO_CONTENT, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return
    charset = "; charset=utf-8" if said.media_type.startswith("text/") else ""
    media_type = f"{said.media_type}{charset}".encode()
    await _tell(send, said.status, said.body, (b"content-type", media_type))


async def _vacancies(platform: Platform, scope: Scope, _receive: Receive, send: Send) -> bool:
    try:
        query = decode_query(scope["query_string"], NearbyQuery, invalid=QueryInvalid)
    except QueryInvalid:
        return False
    scope["path_template"] = VACANCIES
    body = platform.vacancies.nearest_json(query)
    await send(_start(200, body, OF_JSON))
    await send({"type": "http.response.body", "body": body, "more_body": False})
    return True


def _credentials(headers: dict[bytes, bytes]) -> Credentials:
    return Credentials(*[headers.get(name, b"").decode("latin-1") for name in SIGNED])


async def _body(receive: Receive) -> bytes | None:
    """Return a whole body, or None where the client left before its end."""
    parts: list[bytes] = []
    while True:
        message = cast("dict[str, Any]", await receive())
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def _tell(send: Send, status: int, body: bytes, *headers: Header) -> None:
    await send(_start(status, body, *headers))
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _start(status: int, body: bytes, *headers: Header) -> HTTPResponseStartEvent:
    length = (b"content-length", b"%d" % len(body))
    return {"type": "http.response.start", "status": status, "headers": [*headers, length]}
