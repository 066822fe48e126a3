"""Operators hear of every payment at least once, signed, in the order of its order."""

from collections.abc import AsyncIterator
from datetime import UTC, timedelta
from itertools import count
from typing import Any, NamedTuple

import msgspec
import pytest
from standardwebhooks.webhooks import Webhook

from onepark.app.outboxes import payments_relay
from onepark.contexts.access.service import Audit
from onepark.contexts.payments import store as payments_store
from onepark.contexts.payments.events import AttemptSucceeded, RefundSucceeded
from onepark.contexts.webhooks import rules
from onepark.contexts.webhooks.errors import (
    DeliveryUnknown,
    EndpointKnown,
    EndpointUnknown,
    OperatorOnly,
    TooManyEndpoints,
    TooManySecrets,
    UrlRefused,
)
from onepark.contexts.webhooks.model import DeliveryState, IssuedEndpoint, Kind, NewEndpoint
from onepark.contexts.webhooks.service import WebhookOffice, Webhooks
from onepark.infra.db import Database
from onepark.infra.relay import Relay
from onepark.infra.settings import SecretKey
from onepark.integrations.webhooks.poster import open_poster
from onepark.kernel.staff import Principal, StaffRole
from onepark.kernel.types import Fen, LotId, OperatorId, OrderNo
from tests.builders import EIGHT
from tests.fakes.clock import HandClock
from tests.fakes.listener import Listener, open_listener

KEY = SecretKey(bytes(range(32)))
operators = count(70_000)
numbers = count(1)
LONG = timedelta(days=30)


class Rig(NamedTuple):
    """An operator with staff, what tells it, and its own server."""

    db: Database
    clock: HandClock
    operator_id: OperatorId
    staff: Principal
    relay: Relay
    webhooks: Webhooks
    office: WebhookOffice
    listener: Listener

    async def register(self, *facts: Kind, path: str = "") -> IssuedEndpoint:
        asked = NewEndpoint(self.listener.url + path, facts or tuple(Kind))
        return await self.office.register(asked, by=self.staff)

    async def publish(self, fact: AttemptSucceeded | RefundSucceeded) -> None:
        async with self.db.transaction() as tx:
            await payments_store.post(tx, [fact])

    async def send(self) -> int:
        """Hand on what waits, and post until nothing may be posted now."""
        while await self.relay.run():
            pass
        sent = 0
        while did := await self.webhooks.sender.run():
            sent += did
        return sent

    async def states(self) -> list[DeliveryState]:
        page = await self.office.page(None, before=None, state=None, limit=99, by=self.staff)
        return [one.state for one in page.deliveries]


@pytest.fixture
async def rig(service_db: Database, staff_db: Database) -> AsyncIterator[Rig]:
    clock, operator_id = HandClock(EIGHT), OperatorId(next(operators))
    staff = Principal(1, "li", StaffRole.OPERATOR_ADMIN, operator_id)
    async with open_poster(loopback=True) as poster, open_listener() as listener:
        webhooks = Webhooks(service_db, KEY, posts=poster, clock=clock)
        office = WebhookOffice(staff_db, KEY, posts=poster, audit=Audit(), clock=clock)
        relay = payments_relay(service_db, clock, webhooks=webhooks)
        yield Rig(service_db, clock, operator_id, staff, relay, webhooks, office, listener)
    async with service_db.transaction() as tx:
        await tx.execute("DELETE FROM webhooks.delivery")
        await tx.execute("DELETE FROM payments.outbox")


def paid(rig: Rig, **changes: Any) -> AttemptSucceeded:
    values: dict[str, Any] = {
        "attempt_no": f"attempt{next(numbers)}",
        "lot_id": LotId(7),
        "operator_id": rig.operator_id,
        "order_no": OrderNo("o-1"),
        "channel": "wechat",
        "amount_fen": Fen(1_000),
        "paid_at": EIGHT,
        "surplus": False,
    }
    return AttemptSucceeded(**(values | changes))


def refunded(rig: Rig, of: AttemptSucceeded | None = None) -> RefundSucceeded:
    return RefundSucceeded(
        refund_no=f"refund{next(numbers)}",
        attempt_no="attempt1" if of is None else of.attempt_no,
        lot_id=LotId(7),
        operator_id=rig.operator_id,
        order_no=OrderNo("o-1"),
        channel="wechat",
        amount_fen=Fen(300),
        refunded_at=EIGHT,
    )


async def test_a_message_is_signed_as_the_library_of_others_signs_it(rig: Rig):
    made = await rig.register()
    fact = paid(rig)
    await rig.publish(fact)
    assert await rig.send() == 1
    [heard] = rig.listener.heard
    assert heard.path == "/onepark"
    judge = Webhook(made.secret)
    signed = judge.sign(
        heard.headers["webhook-id"], rig.clock.now().astimezone(UTC), heard.body.decode()
    )
    assert signed == heard.headers["webhook-signature"]
    body = msgspec.json.decode(heard.body)
    assert body["type"] == "payments.attempt_succeeded.v1"
    assert body["data"]["payment_no"] == fact.attempt_no
    assert body["data"]["amount_fen"] == 1_000
    assert set(body["data"]).isdisjoint({"plate", "lot_id", "operator_id"})


async def test_a_fact_that_is_published_twice_is_one_message(rig: Rig):
    await rig.register()
    fact = paid(rig)
    for _ in range(2):
        await rig.publish(fact)
    assert await rig.send() == 1
    await rig.publish(fact)
    assert await rig.send() == 0


async def test_an_endpoint_hears_of_what_it_asked_for_and_of_no_other_operator(rig: Rig):
    await rig.register(Kind.REFUNDED)
    await rig.publish(paid(rig))
    await rig.publish(paid(rig, operator_id=OperatorId(next(operators))))
    await rig.publish(refunded(rig))
    assert await rig.send() == 1
    [heard] = rig.listener.heard
    assert msgspec.json.decode(heard.body)["type"] == Kind.REFUNDED


@pytest.mark.parametrize("status", [302, 400, 410, 500])
async def test_a_message_that_was_not_taken_is_said_again_word_for_word(rig: Rig, status):
    await rig.register()
    await rig.publish(paid(rig))
    rig.listener.status = status
    await rig.send()
    rig.clock.go(timedelta(seconds=4))
    assert await rig.send() == 0
    rig.listener.status = 200
    rig.clock.go(timedelta(seconds=1))
    assert await rig.send() == 1
    first, second = rig.listener.heard
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert await rig.states() == [DeliveryState.DELIVERED]


async def test_messages_of_one_payment_wait_for_each_other_and_not_for_those_of_another(rig: Rig):
    await rig.register()
    rig.listener.status = 500
    first = paid(rig)
    await rig.publish(first)
    await rig.send()
    rig.listener.status = 200
    await rig.publish(refunded(rig, first))
    await rig.publish(paid(rig))
    assert await rig.send() == 1
    rig.clock.go(timedelta(seconds=5))
    await rig.send()
    types = [msgspec.json.decode(one.body)["type"] for one in rig.listener.heard[2:]]
    assert types == [Kind.PAID, Kind.REFUNDED]


async def test_after_three_days_and_more_a_message_is_dead_until_a_person_has_it_tried_again(
    rig: Rig,
):
    await rig.register()
    await rig.publish(paid(rig))
    rig.listener.status = 500
    for wait in (timedelta(0), *rules.WAITS):
        rig.clock.go(wait)
        assert await rig.send() == 1
    rig.clock.go(LONG)
    assert await rig.send() == 0
    assert sum(rules.WAITS, timedelta(0)) > timedelta(days=3)
    page = await rig.office.page(None, before=None, state=DeliveryState.DEAD, limit=1, by=rig.staff)
    [dead] = page.deliveries
    assert dead.trouble == "the endpoint answered 500"
    [endpoint] = (await rig.office.endpoints(by=rig.staff)).endpoints
    assert (endpoint.waiting, endpoint.dead) == (0, 1)
    rig.listener.status = 200
    await rig.office.retry(dead.delivery_id, by=rig.staff)
    assert await rig.send() == 1
    with pytest.raises(DeliveryUnknown):
        await rig.office.retry(dead.delivery_id, by=rig.staff)


async def test_both_keys_sign_until_the_overlap_ends_and_the_new_one_alone_after_it(rig: Rig):
    made = await rig.register()
    again = await rig.office.rotate(made.endpoint_id, overlap=timedelta(hours=1), by=rig.staff)
    assert again.secret != made.secret
    with pytest.raises(TooManySecrets):
        await rig.office.rotate(made.endpoint_id, overlap=timedelta(hours=1), by=rig.staff)
    for _ in range(2):
        await rig.publish(paid(rig))
        await rig.send()
        rig.clock.go(timedelta(hours=1))
    counts = [len(one.headers["webhook-signature"].split(" ")) for one in rig.listener.heard]
    assert counts == [2, 1]


async def test_an_endpoint_that_ended_is_told_no_more_and_what_waited_is_given_up(rig: Rig):
    made = await rig.register()
    rig.listener.status = 500
    await rig.publish(paid(rig))
    await rig.send()
    await rig.office.end(made.endpoint_id, by=rig.staff)
    await rig.publish(paid(rig))
    rig.clock.go(LONG)
    assert await rig.send() == 0
    with pytest.raises(EndpointUnknown):
        await rig.office.end(made.endpoint_id, by=rig.staff)
    assert (await rig.register()).endpoint_id != made.endpoint_id, "the URL is free again"


async def test_another_operator_neither_sees_nor_touches_an_endpoint(rig: Rig):
    made = await rig.register()
    stranger = Principal(2, "wu", StaffRole.OPERATOR_ADMIN, OperatorId(next(operators)))
    assert (await rig.office.endpoints(by=stranger)).endpoints == []
    with pytest.raises(EndpointUnknown):
        await rig.office.end(made.endpoint_id, by=stranger)
    with pytest.raises(EndpointUnknown):
        await rig.office.rotate(made.endpoint_id, overlap=timedelta(0), by=stranger)


async def test_an_endpoint_is_refused_that_is_known_or_one_too_many_or_inside_or_the_citys(
    rig: Rig,
):
    await rig.register()
    with pytest.raises(EndpointKnown):
        await rig.register()
    for number in range(1, rules.ENDPOINTS_MAX):
        await rig.register(path=f"/{number}")
    with pytest.raises(TooManyEndpoints):
        await rig.register(path="/more")
    with pytest.raises(UrlRefused, match="public network"):
        await rig.office.register(NewEndpoint("https://10.0.0.1/"), by=rig.staff)
    city = Principal(3, "city", StaffRole.CITY_ADMIN, None)
    with pytest.raises(OperatorOnly):
        await rig.office.register(NewEndpoint("https://x.cn/"), by=city)
