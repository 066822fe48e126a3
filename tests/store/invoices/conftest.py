"""A city that takes money and makes out invoices for it."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any, NamedTuple

import asyncpg
import pytest

from onepark.contexts.access.service import Audit
from onepark.contexts.invoices.desk import InvoiceDesk
from onepark.contexts.invoices.issuing import InvoiceWatch, Issuing
from onepark.contexts.invoices.model import (
    BuyerKind,
    Contact,
    Document,
    InvoiceState,
    SellerKind,
    Title,
)
from onepark.contexts.invoices.office import SellerAsked, SellerOffice
from onepark.contexts.invoices.ports import InvoiceProvider
from onepark.contexts.invoices.service import Ask, Invoices, InvoiceView
from onepark.contexts.invoices.titles import TitleBook
from onepark.contexts.payments.kept import KeptMoney
from onepark.contexts.payments.model import Verdict
from onepark.contexts.payments.refund_desk import RefundDesk
from onepark.contexts.stays.model import Kind
from onepark.contexts.stays.service import Stays
from onepark.infra.db import Database
from onepark.infra.tokens import Sealer
from onepark.integrations.invoices.by_hand import ByHand
from onepark.integrations.webhooks.poster import Poster, open_poster
from onepark.kernel.staff import Principal, StaffRole
from onepark.kernel.types import LotId, OperatorId, OrderNo
from tests.archive import KEY
from tests.builders import EIGHT, a_passage, minutes
from tests.fakes.channel import OpenChannel
from tests.fakes.city import Archive, a_city_lot
from tests.fakes.clock import HandClock
from tests.fakes.invoice_provider import OpenProvider
from tests.fakes.plans import FIVE_AN_HOUR, OnePlan
from tests.fakes.till import a_till
from tests.store.payments.conftest import City, key, plates, success, tell

GARAGE, STREET, FOREIGN = LotId(7), LotId(8), LotId(9)
FINANCE = Principal(8, "finance", StaffRole.OPERATOR_FINANCE, OperatorId(7))
STRANGER = Principal(9, "stranger", StaffRole.OPERATOR_FINANCE, OperatorId(70))
COMPANY = Title(BuyerKind.ORGANISATION, "江阴市某某有限公司", "91350100M000100Y43")
SOMEBODY = Title(BuyerKind.INDIVIDUAL, "张三")


class Bureau(NamedTuple):
    """A city with everything that invoices go through."""

    city: City
    invoices: Invoices
    issuing: Issuing
    desk: InvoiceDesk
    office: SellerOffice
    titles: TitleBook
    provider: OpenProvider
    sealer: Sealer
    db: Database

    async def work(self, times: int = 1) -> None:
        """Let the jobs run so often, each time when they may ask again."""
        for _ in range(times):
            await self.issuing.reverse_refunded()
            await self.issuing.make_rests()
            await self.issuing.ask_providers()
            self.city.clock.go(minutes(61))

    async def state(self, invoice: InvoiceView) -> InvoiceState:
        return (await self.invoices.show(invoice.invoice_no)).state


def a_seller(**changes: Any) -> SellerAsked:
    values: dict[str, Any] = {
        "kind": SellerKind.VAT,
        "name": "江阴停车有限公司",
        "tax_id": "91110000600037341L",
        "division": "320281",
        "province": "江苏省",
        "city": "无锡市",
        "provider": "open",
        "rate_bp": 900,
        "goods_code": "3040502020200000000",
        "goods_name": "车辆停放服务",
        "valid_from": date(2026, 1, 1),
    }
    return SellerAsked(**(values | changes))


FISCAL = {"kind": SellerKind.FISCAL, "rate_bp": None, "goods_code": None, "goods_name": "停车费"}


@pytest.fixture(scope="module")
async def owner(database_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def bureau(
    batch_db: Database, service_db: Database, staff_db: Database, owner: Any
) -> AsyncIterator[Bureau]:
    await owner.execute(
        "ALTER TABLE invoices.seller DISABLE TRIGGER ALL;"
        " TRUNCATE invoices.seller, invoices.invoice, invoices.line, invoices.message,"
        " invoices.listener, invoices.kept_title, invoices.fleet_title,"
        " payments.attempt, payments.refund, payments.request;"
        " ALTER TABLE invoices.seller ENABLE TRIGGER ALL"
    )
    await owner.execute(
        "INSERT INTO registry.lot_revenue (lot_id, operator_id, since_at, revenue_kind)"
        " VALUES ($1, 7, '-infinity', 'non_tax') ON CONFLICT DO NOTHING",
        STREET,
    )
    clock, channel, other = HandClock(), OpenChannel(), OpenChannel()
    stays = Stays(batch_db, service_db, plans=OnePlan(FIVE_AN_HOUR), clock=clock)
    till = a_till(
        *(service_db, stays, {"open": channel, "other": other}, clock),
        watch=InvoiceWatch(clock),
    )
    refund_desk = RefundDesk(service_db, staff_db, refunds=till.refunds, audit=Audit(), clock=clock)
    city = City(clock, stays, *till[:2], channel, other, till.refunds, refund_desk, service_db)
    async with open_poster(loopback=True) as posts:
        made = _bureau(city, service_db, staff_db, posts)
        await made.office.file(a_seller(), by=FINANCE)
        await made.office.file(a_seller(**FISCAL), by=FINANCE)
        yield made


def _bureau(city: City, service_db: Database, staff_db: Database, posts: Poster) -> Bureau:
    provider, sealer, clock = OpenProvider(), Sealer(KEY, "invoices"), city.clock
    lots = [a_city_lot(7), a_city_lot(8), a_city_lot(9, operator_id=OperatorId(70))]
    providers: dict[str, InvoiceProvider] = {"open": provider, "by_hand": ByHand()}
    tools: dict[str, Any] = {"audit": Audit(), "clock": clock}
    money: dict[str, Any] = {"money": KeptMoney(), "providers": providers, "sealer": sealer}
    titles = TitleBook(service_db, staff_db, sealer=sealer, **tools)
    invoices = Invoices(service_db, orders=city.stays, archive=Archive(lots), clock=clock, **money)
    issuing = Issuing(service_db, invoices=invoices, clock=clock, **money)
    desk = InvoiceDesk(
        service_db, staff_db, invoices=invoices, issuing=issuing, titles=titles, **tools
    )
    office = SellerOffice(
        service_db, staff_db, providers=providers, sealer=sealer, posts=posts, **tools
    )
    return Bureau(city, invoices, issuing, desk, office, titles, provider, sealer, service_db)


async def a_paid_order(
    bureau: Bureau, *, lot_id: LotId = GARAGE, left: bool = True, channel: str = "open"
) -> OrderNo:
    """A car that came an hour and a minute ago, has paid its 10 yuan and left."""
    city = bureau.city
    city.clock.at = max(city.clock.at, EIGHT + minutes(61))
    came_at, plate = city.clock.at - minutes(61), f"苏B{next(plates)}"
    operator_id = 70 if lot_id == FOREIGN else 7
    where: dict[str, Any] = {"plate": plate, "lot_id": lot_id, "operator_id": operator_id}
    answer = (await city.stays.take([a_passage(at=came_at, **where)])).taken[0].answer
    assert answer is not None
    order_no = OrderNo(str(answer.order_no))
    attempt = await city.payments.begin(order_no, channel, key=key())
    paid = success(attempt, paid_at=city.clock.at)
    assert await tell(city, paid, channel=channel) == Verdict.APPLIED
    if left:
        await city.stays.take([a_passage(Kind.EXIT, city.clock.at + minutes(1), **where)])
    return order_no


async def ask(
    bureau: Bureau,
    *order_nos: OrderNo,
    title: Title = SOMEBODY,
    document: Document | None = None,
    contact: Contact | None = None,
) -> InvoiceView:
    asked = Ask(title, document, contact or Contact())
    return await bureau.invoices.request(order_nos, asked)
