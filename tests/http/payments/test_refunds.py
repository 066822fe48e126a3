"""Staff give money back over HTTP, and its payer sees it in the order."""

from itertools import count
from typing import Any

import msgspec
import pytest

from onepark.contexts.access.service import Audit
from onepark.contexts.payments.model import Notice, RefundWord, TradeFact, TradeState
from onepark.contexts.payments.refund_desk import RefundDesk
from onepark.contexts.payments.staff_http import HANDLERS
from onepark.contexts.stays.http import show_order
from onepark.contexts.stays.service import Stays
from onepark.contexts.stays.views import PublicOrders
from onepark.infra.limits import Limiter
from onepark.kernel.types import LotId
from tests.archive import NOON, HandClock
from tests.builders import a_passage, minutes
from tests.fakes.channel import OpenChannel
from tests.fakes.lots import NumberedLots
from tests.fakes.plans import FIVE_AN_HOUR, OnePlan
from tests.fakes.till import a_till
from tests.http.staff_app import bearer, served

URL, WHY = "/v1/payments/refunds", "the barrier stayed shut"
numbers = count(1)


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NOON)


@pytest.fixture
def channel() -> OpenChannel:
    return OpenChannel()


@pytest.fixture
def parts(batch_db, service_db, staff_db, redis, *, clock, channel) -> dict[str, Any]:
    stays = Stays(batch_db, service_db, plans=OnePlan(FIVE_AN_HOUR), clock=clock)
    till = a_till(service_db, stays, {"open": channel}, clock)
    orders = PublicOrders(
        stays,
        refunds=till.refunds,
        archive=NumberedLots,
        limiter=Limiter(redis, key=b"k" * 32),
        per_minute=1,
    )
    return {
        "stays": stays,
        "payments": till.payments,
        "notices": till.notices,
        "refunds": till.refunds,
        "refund_desk": RefundDesk(
            service_db, staff_db, refunds=till.refunds, audit=Audit(), clock=clock
        ),
        "orders": orders,
    }


@pytest.fixture
async def client(parts, clock):
    async with served([*HANDLERS, show_order], clock, parts) as client:
        yield client


@pytest.fixture
async def paid(parts, clock) -> tuple[str, str]:
    """The order and the payment of a car that has been inside for half an hour and paid 5 yuan."""
    entry = a_passage(
        at=NOON - minutes(30), plate=f"苏B{next(numbers):05}", lot_id=LotId(7), operator_id=7
    )
    answer = (await parts["stays"].take([entry])).taken[0].answer
    attempt = await parts["payments"].begin(answer.order_no, "open", key=f"k{next(numbers)}")
    fact = TradeFact(
        *(attempt.attempt_no, TradeState.SUCCESS, "m", "a", attempt.amount_fen, "CNY"),
        f"txn-{attempt.attempt_no}",
        clock.now(),
    )
    body = msgspec.json.encode(Notice(f"e{next(numbers)}", "paid", fact))
    received = await parts["notices"].receive("open", {"word": "please"}, body)
    await parts["notices"].handle(received.notice_id)
    return answer.order_no, attempt.attempt_no


def finance(clock) -> dict[str, str]:
    return bearer(clock, "operator_finance", 7)


def boss(clock: HandClock, **headers: str) -> dict[str, str]:
    return bearer(clock, "operator_admin", 7) | headers


async def ask(client, clock, **body: Any):
    headers = boss(clock, **{"idempotency-key": body.pop("key", None) or f"h{next(numbers)}"})
    return await client.post(URL, json={"reason": WHY} | body, headers=headers)


async def test_a_refund_is_asked_for_shown_paid_and_seen_by_its_payer(
    client, clock, parts, *, paid
):
    order_no, payment_no = paid
    answer = await ask(client, clock, order_no=order_no, amount_fen=200)
    assert answer.status_code == 201
    [made] = answer.json()["refunds"]
    assert (made["state"], made["payment_no"], made["cause"]) == ("new", payment_no, "asked")
    await parts["refunds"].ask_providers()
    one = await client.get(f"{URL}/{made['refund_no']}", headers=boss(clock))
    assert (one.json()["state"], one.json()["amount_fen"]) == ("success", 200)
    page = await client.get(f"{URL}?order_no={order_no}", headers=boss(clock))
    assert page.json()["refunds"] == [one.json()]
    order = (await client.get(f"/v1/orders/{order_no}")).json()
    assert order["refunds"] == [{"amount_fen": 200, "state": "success"}]
    assert order["paid_fen"] == 300


async def test_the_same_key_answers_alike_and_another_content_is_refused(client, clock, paid):
    order_no, _ = paid
    first = await ask(client, clock, order_no=order_no, amount_fen=200, key="mine")
    again = await ask(client, clock, order_no=order_no, amount_fen=200, key="mine")
    other = await ask(client, clock, order_no=order_no, amount_fen=201, key="mine")
    assert first.json() == again.json()
    assert (other.status_code, other.json()["code"]) == (422, "payments.idempotency_key_reused")


async def test_more_than_is_left_is_refused(client, clock, paid):
    _, payment_no = paid
    answer = await ask(client, clock, payment_no=payment_no, amount_fen=501)
    assert (answer.status_code, answer.json()["code"]) == (409, "payments.refund_above_paid")


async def test_what_waits_for_a_person_is_listed_and_settled(
    client, clock, parts, *, channel, paid
):
    channel.refunds.accepts_as = RefundWord.ABNORMAL
    order_no, _ = paid
    [made] = (await ask(client, clock, order_no=order_no, amount_fen=200)).json()["refunds"]
    await parts["refunds"].ask_providers()
    url = f"{URL}?waiting=true&order_no={order_no}&refund_state=abnormal"
    [waits] = (await client.get(url, headers=boss(clock))).json()["refunds"]
    assert (waits["owner"], waits["trouble"]) == ("operator", "abnormal")
    assert waits["due_at"] > waits["waits_since_at"]
    ruling = {"ruling": "paid_elsewhere", "reason": "paid in cash, receipt 7"}
    rule = f"{URL}/{made['refund_no']}/rulings"
    ruled = await client.post(rule, json=ruling, headers=finance(clock))
    assert (ruled.status_code, ruled.json()["state"]) == (200, "success")
    other = await client.post(rule, json=ruling | {"ruling": "retried"}, headers=finance(clock))
    assert (other.status_code, other.json()["code"]) == (409, "payments.refund_not_waiting")
    order = (await client.get(f"/v1/orders/{order_no}")).json()
    assert order["paid_fen"] == 300


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"order_no": "P1"}, 400),
        ({"payment_no": "a"}, 400),
        ({"payment_no": "A" * 32, "amount_fen": 0}, 400),
        ({"payment_no": "A" * 32, "amount_fen": 10**10}, 400),
        ({"payment_no": "A" * 32, "amount_fen": 1.5}, 400),
        ({"payment_no": "A" * 32, "reason": "no"}, 400),
        ({"payment_no": "A" * 32, "reason": "x" * 81}, 400),
        ({"payment_no": "A" * 32, "reason": "tab\there"}, 422),
        ({"payment_no": "A" * 32, "more": 1}, 400),
        ({"payment_no": "A" * 32}, 404),
    ],
)
async def test_a_request_that_cannot_be_is_refused(client, clock, body, status):
    answer = await ask(client, clock, **({"amount_fen": 1} | body))
    assert answer.status_code == status


async def test_a_refund_without_a_key_is_refused(client, clock, paid):
    body = {"order_no": paid[0], "amount_fen": 1, "reason": WHY}
    answer = await client.post(URL, json=body, headers=boss(clock))
    assert (answer.status_code, answer.json()["code"]) == (400, "payments.idempotency_key_missing")


@pytest.mark.parametrize(
    ("role", "operator_id", "may_give", "may_read"),
    [
        ("city_admin", None, 403, 403),
        ("city_finance", None, 201, 200),
        ("city_supervisor", None, 403, 200),
        ("operator_admin", 7, 201, 200),
        ("operator_admin", 8, 404, 200),
        ("operator_finance", 7, 201, 200),
        ("operator_clerk", 7, 403, 403),
        ("auditor", None, 403, 200),
    ],
)
async def test_money_goes_back_by_the_hands_that_may(
    client, clock, paid, *, role, operator_id, may_give, may_read
):
    headers = bearer(clock, role, operator_id) | {"idempotency-key": f"r{next(numbers)}"}
    body = {"order_no": paid[0], "amount_fen": 1, "reason": WHY}
    assert (await client.post(URL, json=body, headers=headers)).status_code == may_give
    assert (await client.get(URL, headers=headers)).status_code == may_read


async def test_nobody_without_an_account_sees_or_moves_money(client, paid):
    assert (await client.get(URL)).status_code == 401
    assert (await client.post(URL, json={})).status_code == 401


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("?limit=0", 400),
        ("?refund_state=lost", 400),
        ("?order_no=P1", 400),
        ("?after=x", 400),
        ("/x", 400),
        (f"/{'A' * 32}", 404),
    ],
)
async def test_a_page_or_a_refund_that_cannot_be_is_refused(client, clock, path, status):
    assert (await client.get(f"{URL}{path}", headers=boss(clock))).status_code == status
