"""Anybody may ask what a stay would cost, at a lot or under a plan of their own."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from httpx import ASGITransport, AsyncClient
from litestar import Litestar
from litestar.di import Provide

from onepark.app.problems import HANDLERS as PROBLEMS
from onepark.contexts.tariffs.filing_http import EXAMPLE as FILING_EXAMPLE
from onepark.contexts.tariffs.http import (
    CHECK_EXAMPLE,
    EXAMPLE,
    HANDLERS,
    OVERLAPPING,
    TARIFF_EXAMPLE,
)
from onepark.contexts.tariffs.language import schema
from onepark.contexts.tariffs.model import QuoteAnswer
from onepark.contexts.tariffs.office import Checks
from onepark.contexts.tariffs.proof import differences, plan_hash
from onepark.contexts.tariffs.service import Tariffs
from onepark.contexts.tariffs.wording import plain_chinese
from onepark.infra.limits import Limiter
from onepark.infra.redis import open_redis
from onepark.kernel.types import LotId, OperatorId
from tests.fakes.lots import Lots
from tests.http.staff_app import always

ROOT = Path(__file__).parents[3]
TAICANG = (ROOT / "src/onepark/simulator/plans/t7_taicang.json").read_text()
LOT = "320281001101"
SPAN = {"entered_at": "2026-11-22T08:00:00+08:00", "until_at": "2026-11-22T09:07:00+08:00"}
FREE_LOT: dict[str, Any] = {"windows": []}
YEAR_ONE = "0001-01-01T00:00:00+12:00"


class Noon:
    def now(self) -> datetime:
        return datetime(2026, 11, 22, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
async def client(service_db, servers) -> AsyncIterator[AsyncClient]:
    redis = open_redis(servers[1])
    await redis.flushdb()
    tariffs = Tariffs(service_db, Noon())
    start = datetime(2026, 1, 1, tzinfo=UTC)
    owner = OperatorId(1)
    await tariffs.publish(
        plan_key="t7", operator_id=owner, name="太仓", body=TAICANG, valid_from_at=start
    )
    await tariffs.assign(lot_id=LotId(7), operator_id=owner, plan_key="t7", valid_from_at=start)
    lots = Lots(lot_320281001101=7, lot_320281001102=8)
    peers = {
        "tariffs": tariffs,
        "directory": lots,
        "checks": Checks(Limiter(redis), per_minute=10_000),
    }
    app = Litestar(
        HANDLERS,
        dependencies={name: Provide(always(peer)) for name, peer in peers.items()},
        exception_handlers=PROBLEMS,
    )
    transport = ASGITransport(cast("Any", app))
    async with AsyncClient(transport=transport, base_url="http://onepark") as client:
        yield client
    await redis.aclose()


async def ask(client: AsyncClient, **asked: object) -> tuple[int, dict[str, Any]]:
    response = await client.post("/v1/tariffs/quote", json={**SPAN, **asked})
    return response.status_code, response.json()


async def test_a_lot_is_quoted_by_its_plan_in_force_with_its_reasons(client):
    status, answer = await ask(client, lot=LOT)
    assert status == 200
    assert answer == EXAMPLE | {"plan_key": "t7"}


async def test_a_plan_of_the_asker_is_priced_and_keeps_no_number(client):
    status, answer = await ask(client, plan=json.loads(TAICANG))
    assert (status, answer["amount_fen"]) == (200, 700)
    assert (answer["plan_key"], answer["version"]) == (None, None)


@pytest.mark.parametrize("vehicle", ["large", "oversize", "tricycle"])
async def test_a_class_of_its_own_is_priced_as_such(client, vehicle):
    plan = json.loads(TAICANG) | {"vehicles": {vehicle: {"price_permille": 2000}}}
    status, answer = await ask(client, plan=plan, vehicle=vehicle)
    assert (status, answer["amount_fen"]) == (200, 1400)


INVALID, SPAN_INVALID = "http.invalid_request", "tariffs.span_invalid"
PLAN_INVALID, GRACE = "tariffs.plan_invalid", "exit_grace_minutes"


@pytest.mark.parametrize(
    ("asked", "status", "code", "field"),
    [
        ({}, 422, "tariffs.lot_or_plan", "lot"),
        ({"lot": LOT, "plan": FREE_LOT}, 422, "tariffs.lot_or_plan", "lot"),
        ({"lot": "320281001199"}, 404, "tariffs.lot_unknown", "lot"),
        ({"lot": "\u0000"}, 404, "tariffs.lot_unknown", "lot"),
        ({"lot": "320281001102"}, 404, "tariffs.no_plan", "entered_at"),
        ({"lot": LOT, "until_at": "2026-11-22T07:59:59+08:00"}, 422, SPAN_INVALID, "until_at"),
        ({"lot": LOT, "until_at": "9999-12-31T23:59:59-12:00"}, 422, SPAN_INVALID, "until_at"),
        ({"plan": FREE_LOT, "entered_at": YEAR_ONE}, 422, SPAN_INVALID, "entered_at"),
        ({"plan": FREE_LOT, "entered_at": "1970-01-01T00:00:00Z"}, 422, SPAN_INVALID, "entered_at"),
        (
            {"plan": FREE_LOT, "entered_at": "1999-12-31T23:59:59+08:00"},
            422,
            SPAN_INVALID,
            "entered_at",
        ),
        (
            {"plan": FREE_LOT, "until_at": "9999-12-31T00:00:00+08:00"},
            422,
            SPAN_INVALID,
            "until_at",
        ),
        (
            {"plan": FREE_LOT, "until_at": "2101-01-01T00:00:00+08:00"},
            422,
            SPAN_INVALID,
            "until_at",
        ),
        (
            {
                "plan": FREE_LOT,
                "entered_at": "9999-12-30T00:00:00+08:00",
                "until_at": "9999-12-31T00:00:00+08:00",
            },
            422,
            SPAN_INVALID,
            "entered_at",
        ),
        ({"plan": FREE_LOT, "until_at": "1970-01-01T00:00:00Z"}, 422, SPAN_INVALID, "until_at"),
        ({"lot": LOT, "entered_at": "1970-01-01T00:00:00Z"}, 404, "tariffs.no_plan", "entered_at"),
        ({"lot": LOT, "until_at": "10000-01-01T00:00:00Z"}, 400, INVALID, "until_at"),
        ({"lot": LOT, "entered_at": "2026-11-22T08:00:00"}, 400, INVALID, "entered_at"),
        ({"plan": {"windows": 10**9}}, 422, PLAN_INVALID, "windows"),
        ({"plan": {"windows": [], "colour": 1}}, 422, PLAN_INVALID, "colour"),
        ({"plan": {"windows": [{}] * 30_000}}, 422, PLAN_INVALID, "."),
        ({"plan": FREE_LOT, "terms": {"traits": ["vip"]}}, 400, INVALID, "terms.traits[0]"),
        (
            {"plan": FREE_LOT, "terms": {"coupons": [{"kind": "gold"}]}},
            400,
            INVALID,
            "terms.coupons[0].kind",
        ),
        ({"lot": LOT, "until_at": "soon"}, 400, INVALID, "until_at"),
        ({"lot": LOT, "until_at": 1}, 422, SPAN_INVALID, "until_at"),
        ({"lot": LOT, "vehicle": "tank"}, 400, INVALID, "vehicle"),
        ({"lot": LOT, "colour": "red"}, 400, INVALID, "data"),
        ({"plan": []}, 400, INVALID, "plan"),
        ({"plan": {}}, 422, PLAN_INVALID, "."),
        ({"plan": {"windows": [], "rounding": "sideways"}}, 422, PLAN_INVALID, "rounding"),
        ({"plan": {"windows": [], GRACE: 10**30}}, 422, PLAN_INVALID, GRACE),
        ({"plan": {"windows": [], GRACE: 15.5}}, 422, PLAN_INVALID, GRACE),
    ],
)
async def test_nonsense_is_refused_and_the_field_is_named(client, asked, status, code, field):
    got, answer = await ask(client, **asked)
    assert (got, answer["code"], answer.get("field", "")) == (status, code, field), answer


async def test_a_broken_plan_is_told_its_field_and_rule(client):
    window = {"name": "日间", "from": "07:00", "to": "21:00", "tiers": []}
    status, answer = await ask(client, plan={"windows": [window]})
    assert (status, answer["field"], answer["rule"]) == (422, "windows[0]", "tiers_or_steps")


async def test_a_body_that_is_no_json_is_refused(client):
    for body in (b"", b"{", b"[]", b"\xff", b'{"lot": "\\ud800"}'):
        response = await client.post(
            "/v1/tariffs/quote", content=body, headers={"content-type": "application/json"}
        )
        assert response.status_code == 400, body[:10]


async def test_a_hundred_years_are_explained_in_a_few_lines(client):
    span = {"entered_at": "2000-01-01T00:00:00+08:00", "until_at": "2100-12-31T23:59:59+08:00"}
    status, answer = await ask(client, plan=json.loads(TAICANG), **span)
    assert (status, answer["amount_fen"]) == (200, 36_890 * 4_000)
    assert len(answer["lines"]) < 20


async def test_a_plan_nested_deeply_is_refused(client):
    for depth in (100, 500, 900):
        nested = b'{"a":' * depth + b"1" + b"}" * depth
        body = b'{"plan":' + nested + b"," + json.dumps(SPAN).encode()[1:]
        response = await client.post(
            "/v1/tariffs/quote", content=body, headers={"content-type": "application/json"}
        )
        assert response.json()["code"] == "tariffs.plan_invalid", depth


async def test_a_quote_is_computed_again_from_public_data_alone(client):
    response = await client.post("/v1/tariffs/quote", json={**SPAN, "lot": LOT})
    quote = msgspec.json.decode(response.content, type=QuoteAnswer)
    filed = (await client.get(f"/v1/tariffs/plans/{quote.plan_hash}")).json()
    assert filed == {"plan_hash": quote.plan_hash, "body": json.loads(TAICANG)}
    assert list(differences(quote, filed["body"])) == []
    assert list(differences(quote, json.loads(TAICANG) | {"exit_grace_minutes": 16})) != []


async def test_a_plan_of_the_asker_is_nowhere_published(client):
    _, answer = await ask(client, plan=FREE_LOT)
    response = await client.get(f"/v1/tariffs/plans/{answer['plan_hash']}")
    assert (response.status_code, response.json()["code"]) == (404, "tariffs.version_unknown")


@pytest.mark.parametrize("wrong", ["x", "A" * 64, "0" * 63, "0" * 65, "%00"])
async def test_what_is_no_hash_is_refused(client, wrong):
    assert (await client.get(f"/v1/tariffs/plans/{wrong}")).status_code == 400


async def test_a_lot_shows_its_tariff_in_plain_chinese_and_as_it_was_filed(client):
    told = (await client.get(f"/v1/lots/{LOT}/tariff")).json()
    in_force = told["in_force"]
    assert "07:00–21:00：首小时 5 元，之后每 30 分钟 2 元" in in_force["text_zh"]
    assert (in_force["plan_key"], in_force["version"], in_force["name"]) == ("t7", 1, "太仓")
    assert in_force["plan_hash"] == EXAMPLE["plan_hash"]
    assert in_force["body"] == json.loads(TAICANG)
    assert (in_force["valid_until_at"], told["next"]) == (None, None)


async def test_a_lot_without_a_tariff_has_none_in_force(client):
    told = (await client.get("/v1/lots/320281001102/tariff")).json()
    assert told == {"lot": "320281001102", "in_force": None, "next": None}


@pytest.mark.parametrize("lot", ["320281001199", "x", "%00", "3" * 300])
async def test_a_lot_that_is_not_there_has_no_tariff(client, lot):
    response = await client.get(f"/v1/lots/{lot}/tariff")
    assert (response.status_code, response.json()["code"]) == (404, "tariffs.lot_unknown")


async def test_the_examples_of_the_document_are_true(client):
    told = (await client.post("/v1/tariffs/check", json=OVERLAPPING)).json()
    assert told == CHECK_EXAMPLE
    for shown in (TARIFF_EXAMPLE["in_force"], FILING_EXAMPLE):
        assert shown["plan_hash"] == plan_hash(shown["body"])
        assert shown["text_zh"] == plain_chinese(shown["body"])


async def test_anybody_may_have_a_plan_checked(client):
    good = (await client.post("/v1/tariffs/check", json=json.loads(TAICANG))).json()
    assert (good["good"], good["findings"]) == (True, [])
    window = {"name": "a", "from": "07:00", "to": "21:00", "tiers": []}
    bad = (await client.post("/v1/tariffs/check", json={"windows": [window]})).json()
    [finding] = bad["findings"]
    assert bad["good"] is False
    assert (finding["severity"], finding["field"], finding["rule"]) == (
        "error",
        "windows[0]",
        "tiers_or_steps",
    )
    assert "windows[0]" in finding["sentence"]
    assert "windows[0]" in finding["sentence_zh"]


async def test_the_language_of_plans_is_published(client):
    response = await client.get("/v1/tariffs/schema")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("application/schema+json")
    assert response.json() == schema()


async def test_a_plan_too_long_to_be_one_is_found_wanting_or_not_taken(client):
    long = (await client.post("/v1/tariffs/check", json={"windows": [{}] * 10**6})).json()
    assert (long["good"], long["findings"][0]["rule"]) == (False, "size")
    endless = b'{"windows": [' + b"{}," * 4 * 10**6 + b"{}]}"
    kind = {"content-type": "application/json"}
    response = await client.post("/v1/tariffs/check", content=endless, headers=kind)
    assert response.status_code == 413


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"null", b"{", b'{"a": 1e999}'])
async def test_what_is_no_plan_at_all_cannot_be_checked(client, body):
    kind = {"content-type": "application/json"}
    response = await client.post("/v1/tariffs/check", content=body, headers=kind)
    assert response.status_code == 400


async def test_a_plan_nested_deeply_is_found_wanting(client):
    for depth in (100, 500, 900):
        body = b'{"a":' * depth + b"1" + b"}" * depth
        kind = {"content-type": "application/json"}
        response = await client.post("/v1/tariffs/check", content=body, headers=kind)
        assert response.json()["good"] is False, depth
