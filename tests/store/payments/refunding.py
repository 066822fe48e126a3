"""What tests of refunds share: paid orders, somebody at the desk, and the sums that must hold."""

from typing import Any

from onepark.contexts.payments.model import (
    Attempt,
    RefundFact,
    RefundWord,
    Ruling,
    Verdict,
)
from onepark.contexts.payments.refund_desk import RefundAsked, RefundDetail, RulingAsked
from onepark.contexts.stays.model import Kind, Order
from onepark.kernel.staff import Principal, StaffRole
from onepark.kernel.types import Fen, LotId, OperatorId, OrderNo
from tests.builders import EIGHT, a_passage, minutes
from tests.store.payments.conftest import City, key, plates, success, tell

BOSS = Principal(5, "boss", StaffRole.OPERATOR_ADMIN, OperatorId(7))
CITY_BOSS = Principal(6, "mayor", StaffRole.CITY_ADMIN, None)
WHY = "the barrier stayed shut"


async def a_paid_order(city: City, *, channel: str = "open") -> tuple[OrderNo, Attempt]:
    """A car that came an hour and a minute ago and has paid its 10 yuan."""
    city.clock.at = max(city.clock.at, EIGHT + minutes(61))
    entered_at = city.clock.at - minutes(61)
    entry = a_passage(plate=f"苏B{next(plates)}", lot_id=LotId(7), at=entered_at)
    answer = (await city.stays.take([entry])).taken[0].answer
    assert answer is not None
    assert isinstance(answer.order_no, str)
    attempt = await city.payments.begin(answer.order_no, channel, key=key())
    paid = success(attempt, paid_at=city.clock.at)
    assert await tell(city, paid, channel=channel) == Verdict.APPLIED
    return answer.order_no, attempt


async def ask(
    city: City, fen: int, *, order_no: str | None = None, payment_no: str | None = None, **more: Any
) -> list[RefundDetail]:
    """Ask for a refund at the desk."""
    by, mine = more.get("by", CITY_BOSS), more.get("key") or key()
    asked = RefundAsked(Fen(fen), more.get("reason", WHY), order_no, payment_no)
    return list((await city.desk.ask(asked, key=mine, by=by)).refunds)


async def drive(city: City, *, times: int = 1) -> None:
    """Let the job ask the providers so often, each time when it may ask again."""
    for _ in range(times):
        await city.refunds.ask_providers()
        city.clock.go(minutes(61))


async def now(city: City, refund: RefundDetail) -> RefundDetail:
    return await city.desk.one(refund.refund_no, by=CITY_BOSS)


async def rule(city: City, refund: RefundDetail, ruling: Ruling) -> RefundDetail:
    said = RulingAsked(ruling, "talked to the payer")
    return await city.desk.rule(refund.refund_no, said, by=CITY_BOSS)


async def order_of(city: City, order_no: OrderNo) -> Order:
    return (await city.stays.due(order_no)).order


async def leaves(city: City, order_no: OrderNo, *, after: int) -> None:
    """The car of an order goes, so many minutes after it came; the exit may be told late."""
    order = await order_of(city, order_no)
    exit_ = a_passage(
        Kind.EXIT, order.opened_at + minutes(after), plate=order.plate, lot_id=LotId(7)
    )
    await city.stays.take([exit_])


def balanced(order: Order) -> bool:
    """Computed = collected + owed + written off - to be refunded."""
    assert order.fee_fen is not None
    assert order.owed_fen is not None
    sides = order.paid_fen + order.owed_fen + order.written_off_fen - order.refund_due_fen
    return order.fee_fen == sides


def told(
    refund: RefundDetail, attempt: Attempt, word: RefundWord = RefundWord.SUCCESS, **changes: Any
) -> RefundFact:
    """What a notice says of a refund."""
    values: dict[str, Any] = {
        "refund_no": refund.refund_no,
        "out_trade_no": attempt.attempt_no,
        "word": word,
        "merchant": "m",
        "amount_fen": refund.amount_fen,
    }
    return RefundFact(**(values | changes))
