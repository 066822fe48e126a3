"""The short ways answer as the framework does, and leave it whatever is unusual."""

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from asyncpg import ConnectionDoesNotExistError
from litestar import Litestar, Router
from litestar.di import Provide

from onepark.app import problems
from onepark.app.short_ways import ShortWays
from onepark.contexts.gate import http as gate_http
from onepark.contexts.gate.errors import Busy, SignatureWrong, StaleStamp
from onepark.contexts.gate.model import NO_DECISION, PassageResult, PassageResults
from onepark.contexts.gate.service import Gate
from onepark.contexts.payments import http as payments_http
from onepark.contexts.payments.errors import ChannelUnknown
from onepark.contexts.payments.model import NoticeAnswer
from onepark.contexts.payments.notices import Notices, Received
from onepark.contexts.stays.errors import StoreUnavailable
from onepark.contexts.stays.model import Outcome
from onepark.contexts.vacancies import http as vacancies_http
from onepark.contexts.vacancies.service import Vacancies
from tests.fakes.asgi import client_of

BODY_MAX, NOTICE_MAX = 1_000, 500
HEADERS = {
    "onepark-device": "cam",
    "webhook-id": "m1",
    "webhook-timestamp": "1",
    "webhook-signature": "v1,x",
}
RESULTS = PassageResults([PassageResult("p1", Outcome.ACCEPTED, NO_DECISION, reason="苏B")])


class FakeGate(Gate):
    """Answers or raises what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked: list[Any] = []

    async def passages(self, credentials, body):
        self.asked.append((credentials, body))
        if self.error is not None:
            raise self.error
        return RESULTS


class FakeVacancies(Vacancies):
    def __init__(self) -> None:
        pass

    def nearest_json(self, query):
        return b'{"vacancies":[],"source":"live","asked":%b}' % msgspec.json.encode(query)


class FakeNotices(Notices):
    """Answers in the words that it is told, and remembers what it was asked and is to handle."""

    def __init__(self) -> None:
        self.says: NoticeAnswer | Exception = NoticeAnswer(200, "text/plain", b"success")
        self.asked: list[Any] = []
        self.handled: list[int | None] = []

    async def receive(self, channel_name, headers, body):
        self.asked.append((channel_name, headers, body))
        if isinstance(self.says, Exception):
            raise self.says
        return Received(self.says, None if channel_name == "known" else 7)

    async def handle_soon(self, received):
        self.handled.append(received.notice_id)


@pytest.fixture
def gate() -> FakeGate:
    return FakeGate()


def framework(gate: FakeGate, notices: FakeNotices | None = None) -> Litestar:
    def given(part: object) -> Provide:
        return Provide(lambda: part, sync_to_thread=False)

    routes = Router("/", route_handlers=gate_http.HANDLERS, request_max_body_size=BODY_MAX)
    return Litestar(
        [*vacancies_http.HANDLERS, payments_http.take_notice, routes],
        dependencies={name: given(None) for name in ("past", "principal")}
        | {"gate": given(gate), "vacancies": given(FakeVacancies()), "notices": given(notices)},
        request_max_body_size=NOTICE_MAX,
        exception_handlers=problems.HANDLERS,
        openapi_config=None,
        logging_config=None,
    )


def short(gate: FakeGate, notices: FakeNotices | None = None) -> ShortWays:
    money = SimpleNamespace(taking=SimpleNamespace(notices=notices))
    platform: Any = SimpleNamespace(gate=gate, vacancies=FakeVacancies(), money=money)
    return ShortWays(
        framework(gate, notices),
        lambda: platform,
        gate_bytes_max=BODY_MAX,
        body_bytes_max=NOTICE_MAX,
    )


async def answers(app: Any, method: str, path: str, **asked: Any) -> tuple[Any, ...]:
    async with client_of(app) as client:
        answer = await client.request(method, path, **asked)
    headers = dict(answer.headers)
    if "allow" in headers:  # the framework names them in no stated order
        headers["allow"] = ", ".join(sorted(headers["allow"].split(", ")))
    return answer.status_code, sorted(headers.items()), answer.content


async def both_answer(gate: FakeGate, method: str, path: str, **asked: Any) -> Any:
    long_way = await answers(framework(gate), method, path, **asked)
    assert await answers(short(gate), method, path, **asked) == long_way
    return long_way


@pytest.mark.parametrize("body", [b"{}", "苏".encode(), b""])
async def test_passages_are_answered_alike(gate, body):
    status, _, content = await both_answer(
        gate, "POST", "/v1/gate/passages", headers=HEADERS, content=body
    )
    assert (status, content) == (200, msgspec.json.encode(RESULTS))
    assert gate.asked[0] == gate.asked[1]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Busy("full"), 503),
        (SignatureWrong("no"), 401),
        (StaleStamp("old", server_time="2026-01-01T00:00:00Z"), 401),
        (StoreUnavailable("unknown"), 503),
        (ConnectionDoesNotExistError("gone"), 503),
        (RecursionError(), 400),
        (ValueError("a bug"), 500),
    ],
)
async def test_what_goes_wrong_is_told_alike(gate, error, status):
    gate.error = error
    found, headers, _ = await both_answer(
        gate, "POST", "/v1/gate/passages", headers=HEADERS, content=b"{}"
    )
    assert found == status
    assert ("retry-after" in dict(headers)) is (status == 503)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/vacancies?lat=31.9&lon=120.2"),
        ("GET", "/v1/vacancies?lat=31.9&lon=120.2&limit=3&radius_m=500&other=x"),
        ("GET", "/v1/vacancies"),
        ("GET", "/v1/vacancies?lat=91&lon=0"),
        ("GET", "/v1/vacancies?lat=1&lat=2&lon=0"),
        ("GET", "/v1/vacancies/?lat=31.9&lon=120.2"),
        ("POST", "/v1/vacancies"),
        ("GET", "/v1/gate/passages"),
    ],
)
async def test_questions_are_answered_alike(gate, method, path):
    await both_answer(gate, method, path)


@pytest.mark.parametrize(("size", "status"), [(BODY_MAX, 200), (BODY_MAX + 1, 413)])
async def test_a_body_that_is_too_large_is_refused_alike(gate, size, status):
    found, _, _ = await both_answer(
        gate, "POST", "/v1/gate/passages", headers=HEADERS, content=b"x" * size
    )
    assert found == status


async def test_a_body_in_pieces_without_a_length_goes_the_long_way(gate):
    async def pieces():
        yield b"{"
        yield b"}"

    status, _, _ = await answers(
        short(gate), "POST", "/v1/gate/passages", headers=HEADERS, content=pieces()
    )
    assert (status, gate.asked[0][1]) == (200, b"{}")


async def test_a_header_that_is_missing_or_given_twice_is_read_alike(gate):
    twice = [("webhook-signature", "v1,a"), ("webhook-signature", "v1,b")]
    await both_answer(gate, "POST", "/v1/gate/passages", headers=twice, content=b"{}")
    assert gate.asked[0] == gate.asked[1]
    assert gate.asked[0][0].device == ""


async def notice_answers(notices: FakeNotices, path: str, **asked: Any) -> Any:
    """What both ways answer to a notice, after the same was asked and handled twice."""
    gate = FakeGate()
    long_way = await answers(framework(gate, notices), "POST", path, **asked)
    assert await answers(short(gate, notices), "POST", path, **asked) == long_way
    for both in (notices.asked, notices.handled):
        assert both[: len(both) // 2] == both[len(both) // 2 :]
    return long_way


SAID = [
    NoticeAnswer(200, "application/json", '{"message":"成功"}'.encode()),
    NoticeAnswer(200, "text/plain", b"success"),
    NoticeAnswer(204, "text/plain", b""),
    NoticeAnswer(401, "application/json", b"{}"),
    NoticeAnswer(503, "text/plain", b"fail"),
]


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("channel", ["wechat", "known"])
async def test_notices_are_answered_and_handled_alike(said, channel):
    notices = FakeNotices()
    notices.says = said
    twice = [("wechatpay-nonce", "a"), ("wechatpay-nonce", "b"), ("content-type", "x/y")]
    status, _, content = await notice_answers(
        notices, f"/v1/payments/notices/{channel}", headers=twice, content="苏".encode()
    )
    assert (status, content) == (said.status, said.body)
    assert notices.handled == ([] if channel == "known" else [7, 7])


@pytest.mark.parametrize("error", [ChannelUnknown("no"), ValueError("a bug")])
async def test_what_goes_wrong_with_a_notice_is_told_alike(error):
    notices = FakeNotices()
    notices.says = error
    await notice_answers(notices, "/v1/payments/notices/nobody", content=b"x")


@pytest.mark.parametrize(
    "path", ["/v1/payments/notices/", "/v1/payments/notices/a/b", "/v1/payments/notices/wechat/"]
)
async def test_other_addresses_beside_those_of_notices_are_answered_alike(path):
    await notice_answers(FakeNotices(), path, content=b"x")


@pytest.mark.parametrize(("size", "status"), [(NOTICE_MAX, 200), (NOTICE_MAX + 1, 413)])
async def test_a_notice_that_is_too_large_is_refused_alike(size, status):
    found, _, _ = await notice_answers(
        FakeNotices(), "/v1/payments/notices/wechat", content=b"x" * size
    )
    assert found == status


async def test_until_the_platform_is_open_everything_goes_the_long_way(gate):
    app = ShortWays(
        framework(gate), lambda: None, gate_bytes_max=BODY_MAX, body_bytes_max=NOTICE_MAX
    )
    status, _, _ = await answers(app, "GET", "/v1/vacancies?lat=31.9&lon=120.2")
    assert status == 200
