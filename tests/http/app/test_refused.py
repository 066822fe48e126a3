"""Every refusal leaves one line and, where it tells of trouble, a count."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar, Request, get, post
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from onepark.app import problems, refused
from onepark.app.observe import Observed
from onepark.infra.metrics import REGISTRY
from onepark.kernel.errors import Refusal
from onepark.kernel.staff import Principal, StaffRole
from tests.fakes.asgi import client_of
from tests.fakes.log import kept_log, written

PLATE, PHONE = "苏B13579", "13800138000"


class NotKnown(Refusal):
    code = "test.not_known"
    status = 401
    title = "Not known."
    title_zh = "未知"


class Full(Refusal):
    code = "test.full"
    status = 503
    title = "Full."
    title_zh = "已满"


class LotUnknown(Refusal):
    code = "test.lot_unknown"
    status = 404
    title = "No such lot."
    title_zh = "未知停车场"


class Car(Struct):
    plate: int


@get("/known")
async def know() -> None:
    raise NotKnown("Nobody.")


@get("/full")
async def fill() -> None:
    raise Full("No room.")


@get("/lots/{lot:str}")
async def find(request: Request[Any, Any, Any], lot: FromPath[str]) -> None:
    request.state.principal = Principal(1, PHONE, StaffRole.AUDITOR, None)
    raise LotUnknown(f"No lot {lot}.", lot=lot, asked={"by": PHONE})


@post("/cars")
async def park(data: JSONBody[Car]) -> None: ...


@get("/down")
async def fall() -> None:
    raise OSError("the line is gone")


@get("/bug")
async def err() -> None:
    raise RuntimeError(f"no stay of {PLATE}")


@pytest.fixture
async def client():
    app = Litestar(
        [know, fill, find, park, fall, err],
        exception_handlers=problems.HANDLERS,
        openapi_config=None,
        logging_config=None,
    )
    async with client_of(Observed(app), bugs_are_raised=False) as client:
        yield client


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    with kept_log() as out:
        yield out


@pytest.fixture(autouse=True)
def no_flood(monkeypatch):
    """Let no test hear of refusals of another one."""
    monkeypatch.setattr(refused, "FLOOD", refused.Flood())


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"parking_{name}_total", labels) or 0.0


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/known", ("http.refused", "info", "test.not_known", 401, "/known")),
        ("/full", ("http.refused", "warning", "test.full", 503, "/full")),
        ("/lots/7", ("http.refused", "info", "test.lot_unknown", 404, "/lots/{lot}")),
        ("/nowhere/7", ("http.refused", "info", "http.not_found", 404, None)),
        ("/down", ("http.unavailable", "error", "http.unavailable", 503, "/down")),
        ("/bug", ("http.internal", "error", "http.internal", 500, "/bug")),
    ],
)
async def test_a_refusal_is_one_line(client, lines, path, said):
    answer = await client.get(path, headers={"onepark-device": "cam-1", "x-request-id": "r-1"})
    (line,) = written(lines)
    names = ("event", "level", "code", "status", "route")
    assert tuple(line.get(name) for name in names) == said
    assert (line["request_id"], line["device"], line["method"]) == ("r-1", "cam-1", "GET")
    assert (answer.status_code, answer.json()["code"]) == (line["status"], line["code"])


async def test_a_flood_of_refusals_for_lack_of_room_is_one_line_a_second(client, lines):
    for _ in range(50):
        assert (await client.get("/full")).status_code == 503
    said = [line for line in written(lines) if line["code"] == "test.full"]
    assert 1 <= len(said) < 10
    assert said[0]["times"] == 1


def test_a_line_of_a_flood_tells_how_many_there_were_since_the_last():
    flood = refused.Flood()
    told = [flood.times("a", now_s) for now_s in (5.0, 5.1, 5.9, 6.0, 6.5, 7.0)]
    assert told == [1, 0, 0, 3, 0, 2]
    assert flood.times("b", 7.0) == 1


async def test_neither_line_nor_answer_holds_a_whole_plate_or_number(client, lines):
    answers = [
        await client.get(f"/lots/{PLATE}", headers={"onepark-device": PLATE.encode()}),
        await client.get("/bug"),
        await client.post("/cars", json={"plate": PLATE}),
        await client.get(f"/nowhere/{PLATE}?plate={PLATE}"),
    ]
    said = lines.getvalue() + "".join(one.text for one in answers)
    assert [one.status_code for one in answers] == [404, 500, 400, 404]
    assert PLATE not in said
    assert PLATE[1:] not in said
    assert PHONE not in said
    assert "‹plate›" in answers[0].json()["detail"]
    assert written(lines)[0]["staff"] == "‹phone›"


async def test_a_sender_that_is_not_believed_and_a_lack_of_room_are_counted(client):
    def seen() -> list[float]:
        return [
            counted("authn_failures", kind="test.not_known"),
            counted("admission_rejected", reason="test.full"),
            counted("admission_rejected", reason="http.unavailable"),
            counted("admission_rejected", reason="test.lot_unknown"),
        ]

    before = seen()
    for path in ("/known", "/full", "/down", "/lots/7"):
        await client.get(path)
    assert [new - old for new, old in zip(seen(), before, strict=True)] == [1, 1, 1, 0]
