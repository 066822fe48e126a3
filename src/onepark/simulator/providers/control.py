"""What a tester asks of the simulator.

Owns: /_simulator: behaviour, trades, payments and ends of refunds on demand, repeats and the books.
Never: is part of what a provider offers; a merchant's code must not call it.
"""

from datetime import datetime

import msgspec
from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException, ValidationException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import Struct

from onepark.infra.clock import Clock
from onepark.simulator.providers.courier import Courier
from onepark.simulator.providers.refunds import Refund, RefundBook, RefundState
from onepark.simulator.providers.trades import (
    Behaviour,
    Behaviours,
    Book,
    Change,
    Delivery,
    Provider,
    State,
    Trade,
)
from onepark.simulator.providers.wire import Call


class RefundLine(Struct, frozen=True):
    refund_no: str
    amount_fen: int
    state: RefundState
    provider_refund: str
    asked_at: datetime
    ended_at: datetime | None
    deliveries: list[Delivery]


class TradeView(Struct, frozen=True):
    provider: Provider
    out_trade_no: str
    amount_fen: int
    state: State
    provider_txn: str
    created_at: datetime
    paid_at: datetime | None
    deliveries: list[Delivery]
    refunds: list[RefundLine]


class BookLine(Struct, frozen=True):
    provider: Provider
    out_trade_no: str
    amount_fen: int
    state: State
    provider_txn: str
    paid_at: datetime | None
    refunded_fen: int


class Books(Struct, frozen=True):
    """Everything that the providers know, to be compared with the platform's own ledger."""

    paid: int
    paid_fen: int
    waiting: int
    closed: int
    refunded_fen: int
    trades: list[BookLine]


class Repeated(Struct, frozen=True):
    acknowledged: bool


class Control:
    """The tester's hand in the simulator."""

    def __init__(
        self,
        clock: Clock,
        *,
        book: Book,
        refunds: RefundBook,
        behaviours: Behaviours,
        courier: Courier,
    ) -> None:
        self.behaviours = behaviours
        self.courier = courier
        self._clock = clock
        self._book = book
        self.refunds = refunds

    def trade(self, out_trade_no: str) -> Trade:
        """Return a trade of any provider."""
        trade = self._book.find(out_trade_no, now=self._clock.now())
        if trade is None:
            raise NotFoundException(f"no trade {out_trade_no}")
        return trade

    def refund(self, out_trade_no: str, refund_no: str) -> Refund:
        """Return one refund of a trade."""
        refund = self.refunds.get(self.trade(out_trade_no), refund_no)
        if refund is None:
            raise NotFoundException(f"no refund {refund_no}")
        return refund

    def view(self, trade: Trade) -> TradeView:
        """Show a trade, every notice that was sent of it, and its refunds."""
        return _view(trade, [_refund_line(one) for one in self.refunds.of(trade)])

    def books(self) -> Books:
        """Return every trade and the sums over them."""
        trades = self._book.trades(now=self._clock.now())
        counts = {state: sum(one.state is state for one in trades) for state in State}
        return Books(
            paid=counts[State.PAID],
            paid_fen=sum(one.order.amount_fen for one in trades if one.state is State.PAID),
            waiting=counts[State.WAITING],
            closed=counts[State.CLOSED],
            refunded_fen=sum(self.refunds.back_fen(one) for one in trades),
            trades=[_line(one, self.refunds.back_fen(one)) for one in trades],
        )


@post("/_simulator/behaviour", status_code=200)
async def change_behaviour(
    call: NamedDependency[Call], control: NamedDependency[Control]
) -> Behaviour:
    """Change how trades are treated; what is not named stays."""
    try:
        return control.behaviours.change(msgspec.json.decode(call.body, type=Change))
    except msgspec.DecodeError as error:
        raise ValidationException(str(error)) from error


@delete("/_simulator/behaviour", status_code=200)
async def reset_behaviour(control: NamedDependency[Control]) -> Behaviour:
    """Return to an ordinary day."""
    return control.behaviours.reset()


@get("/_simulator/trades/{out_trade_no:str}")
async def show_trade(out_trade_no: FromPath[str], control: NamedDependency[Control]) -> TradeView:
    """Show a trade and every notice that was sent of it."""
    return control.view(control.trade(out_trade_no))


@post("/_simulator/trades/{out_trade_no:str}/pay", status_code=200)
async def pay_trade(out_trade_no: FromPath[str], control: NamedDependency[Control]) -> TradeView:
    """Pay a trade now, late money included; a paid one stays as it is."""
    trade = control.trade(out_trade_no)
    control.courier.pay_and_tell(trade)
    return control.view(trade)


@post("/_simulator/trades/{out_trade_no:str}/repeat", status_code=200)
async def repeat_notice(out_trade_no: FromPath[str], control: NamedDependency[Control]) -> Repeated:
    """Send the notice of a paid trade once more, now."""
    trade = control.trade(out_trade_no)
    if trade.state is not State.PAID:
        raise ValidationException(f"trade {out_trade_no} is not paid")
    return Repeated(await control.courier.send(trade))


@post("/_simulator/trades/{out_trade_no:str}/refunds/{refund_no:str}/{end:str}", status_code=200)
async def end_refund(
    out_trade_no: FromPath[str],
    refund_no: FromPath[str],
    end: FromPath[str],
    control: NamedDependency[Control],
) -> TradeView:
    """Bring a refund to an end now, as a bank does; one that reached the payer stays so."""
    if end not in {one.value for one in RefundState}:
        raise ValidationException(f"{end} is no end of a refund")
    trade = control.trade(out_trade_no)
    control.courier.end_refund(trade, control.refund(out_trade_no, refund_no), RefundState(end))
    return control.view(trade)


@get("/_simulator/books")
async def show_books(control: NamedDependency[Control]) -> Books:
    """Show all trades and their sums."""
    return control.books()


ROUTES: list[HTTPRouteHandler] = [
    change_behaviour,
    reset_behaviour,
    show_trade,
    pay_trade,
    repeat_notice,
    end_refund,
    show_books,
]


def _refund_line(refund: Refund) -> RefundLine:
    return RefundLine(
        refund_no=refund.order.refund_no,
        amount_fen=refund.order.amount_fen,
        state=refund.state,
        provider_refund=refund.provider_refund,
        asked_at=refund.asked_at,
        ended_at=refund.ended_at,
        deliveries=list(refund.deliveries),
    )


def _view(trade: Trade, refunds: list[RefundLine]) -> TradeView:
    return TradeView(
        provider=trade.order.provider,
        out_trade_no=trade.order.out_trade_no,
        amount_fen=trade.order.amount_fen,
        state=trade.state,
        provider_txn=trade.provider_txn,
        created_at=trade.created_at,
        paid_at=trade.paid_at,
        deliveries=list(trade.deliveries),
        refunds=refunds,
    )


def _line(trade: Trade, refunded_fen: int) -> BookLine:
    return BookLine(
        provider=trade.order.provider,
        out_trade_no=trade.order.out_trade_no,
        amount_fen=trade.order.amount_fen,
        state=trade.state,
        provider_txn=trade.provider_txn,
        paid_at=trade.paid_at,
        refunded_fen=refunded_fen,
    )
