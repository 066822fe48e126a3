"""What a tester asks of the simulator.

Owns: /_simulator: behaviour, trades, payments on demand, repeats and the books.
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


class TradeView(Struct, frozen=True):
    provider: Provider
    out_trade_no: str
    amount_fen: int
    state: State
    provider_txn: str
    created_at: datetime
    paid_at: datetime | None
    deliveries: list[Delivery]


class BookLine(Struct, frozen=True):
    provider: Provider
    out_trade_no: str
    amount_fen: int
    state: State
    provider_txn: str
    paid_at: datetime | None


class Books(Struct, frozen=True):
    """Everything that the providers know, to be compared with the platform's own ledger."""

    paid: int
    paid_fen: int
    waiting: int
    closed: int
    trades: list[BookLine]


class Repeated(Struct, frozen=True):
    acknowledged: bool


class Control:
    """The tester's hand in the simulator."""

    def __init__(
        self, clock: Clock, *, book: Book, behaviours: Behaviours, courier: Courier
    ) -> None:
        self.behaviours = behaviours
        self.courier = courier
        self._clock = clock
        self._book = book

    def trade(self, out_trade_no: str) -> Trade:
        """Return a trade of any provider."""
        trade = self._book.find(out_trade_no, now=self._clock.now())
        if trade is None:
            raise NotFoundException(f"no trade {out_trade_no}")
        return trade

    def books(self) -> Books:
        """Return every trade and the sums over them."""
        trades = self._book.trades(now=self._clock.now())
        counts = {state: sum(one.state is state for one in trades) for state in State}
        return Books(
            paid=counts[State.PAID],
            paid_fen=sum(one.order.amount_fen for one in trades if one.state is State.PAID),
            waiting=counts[State.WAITING],
            closed=counts[State.CLOSED],
            trades=[_line(one) for one in trades],
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
    return _view(control.trade(out_trade_no))


@post("/_simulator/trades/{out_trade_no:str}/pay", status_code=200)
async def pay_trade(out_trade_no: FromPath[str], control: NamedDependency[Control]) -> TradeView:
    """Pay a trade now, late money included; a paid one stays as it is."""
    trade = control.trade(out_trade_no)
    control.courier.pay_and_tell(trade)
    return _view(trade)


@post("/_simulator/trades/{out_trade_no:str}/repeat", status_code=200)
async def repeat_notice(out_trade_no: FromPath[str], control: NamedDependency[Control]) -> Repeated:
    """Send the notice of a paid trade once more, now."""
    trade = control.trade(out_trade_no)
    if trade.state is not State.PAID:
        raise ValidationException(f"trade {out_trade_no} is not paid")
    return Repeated(await control.courier.send(trade))


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
    show_books,
]


def _view(trade: Trade) -> TradeView:
    return TradeView(
        provider=trade.order.provider,
        out_trade_no=trade.order.out_trade_no,
        amount_fen=trade.order.amount_fen,
        state=trade.state,
        provider_txn=trade.provider_txn,
        created_at=trade.created_at,
        paid_at=trade.paid_at,
        deliveries=list(trade.deliveries),
    )


def _line(trade: Trade) -> BookLine:
    return BookLine(
        provider=trade.order.provider,
        out_trade_no=trade.order.out_trade_no,
        amount_fen=trade.order.amount_fen,
        state=trade.state,
        provider_txn=trade.provider_txn,
        paid_at=trade.paid_at,
    )
