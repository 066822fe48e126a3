"""What a provider knows: trades, and how it has been told to misbehave.

Owns: the book of trades, its bounds, and the list of misbehaviours.
Never: speaks a dialect, signs, or sends.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from secrets import token_hex
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

TRADES_MAX = 500_000
SINGLE_BEHAVIOURS_MAX = 10_000
DELIVERIES_KEPT = 50

Seconds = Annotated[float, Meta(ge=0, le=3_600)]
Copies = Annotated[float, Meta(ge=0, le=1_000)]
RefundEnd = Literal["success", "abnormal", "closed", "not_enough"]


class Provider(StrEnum):
    WECHAT = "wechat"
    ALIPAY = "alipay"
    UNIONPAY = "unionpay"
    PYUN = "pyun"
    JSBANK = "jsbank"


LINKS = {
    Provider.WECHAT: "weixin://wxpay/bizpayurl?pr=",
    Provider.ALIPAY: "https://qr.alipay.com/sim",
    Provider.UNIONPAY: "https://qr.95516.com/sim",
    Provider.PYUN: "https://app.4pyun.com/payment/trade/create?pay_id=",
    Provider.JSBANK: "http://weixintest.jsbchina.cn/epcs/qr/login.htm?qrCode=",
}


class State(StrEnum):
    WAITING = "waiting"
    PAID = "paid"
    CLOSED = "closed"


class Behaviour(Struct, frozen=True, kw_only=True):
    """How a provider treats a trade; the defaults are an ordinary day."""

    pay: bool = True  # a payer scans and pays by himself
    delay_s: float | None = None  # from order to payment; None: 0.5 to 1.5
    duplicates: float = 0.2  # notices sent again though acknowledged; a fraction is a chance
    wrong_amount: bool = False  # a notice tells one fen too many
    wrong_serial: bool = False  # a notice is signed with a key that nobody holds
    bad_signature: bool = False  # a notice's signature is broken
    stale_stamp: bool = False  # a notice is rightly signed, but stamped six minutes ago
    lose_notices: bool = False  # no notice is sent
    notice_before_answer: bool = False  # paid and told before the order call is answered
    answer_timeout: bool = False  # the order is booked, but the call is not answered in time
    refund_ends: RefundEnd = "success"  # what becomes of a refund, or why it is not taken
    refund_delay_s: float | None = None  # from a refund to its end; None: 0.5, Alipay at once
    refund_timeout: bool = False  # a refund is booked, but its call is not answered in time


class Change(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a tester changes: the named fields, of every trade or of one."""

    out_trade_no: str | None = None
    pay: bool | UnsetType = UNSET
    delay_s: Seconds | UnsetType | None = UNSET
    duplicates: Copies | UnsetType = UNSET
    wrong_amount: bool | UnsetType = UNSET
    wrong_serial: bool | UnsetType = UNSET
    bad_signature: bool | UnsetType = UNSET
    stale_stamp: bool | UnsetType = UNSET
    lose_notices: bool | UnsetType = UNSET
    notice_before_answer: bool | UnsetType = UNSET
    answer_timeout: bool | UnsetType = UNSET
    refund_ends: RefundEnd | UnsetType = UNSET
    refund_delay_s: Seconds | UnsetType | None = UNSET
    refund_timeout: bool | UnsetType = UNSET

    def onto(self, behaviour: Behaviour) -> Behaviour:
        """Return ``behaviour`` with what this change names."""
        named = {
            name: getattr(self, name)
            for name in Behaviour.__struct_fields__
            if getattr(self, name) is not UNSET
        }
        return msgspec.structs.replace(behaviour, **named)


class Order(Struct, frozen=True):
    """What a merchant asked for; the same number must always ask for the same."""

    provider: Provider
    out_trade_no: str
    amount_fen: int
    description: str
    notify_url: str
    expires_at: datetime
    placed: str = ""  # UnionPay: the second that names a trade beside its number


class Delivery(Struct, frozen=True):
    """One notice sent; ``status`` is None when nobody answered."""

    sent_at: datetime
    status: int | None
    acknowledged: bool


@dataclass
class Trade:
    """An order and what became of it."""

    order: Order
    created_at: datetime
    code_url: str
    provider_txn: str
    event_id: str  # the same over every notice of this trade
    state: State = State.WAITING
    paid_at: datetime | None = None
    deliveries: deque[Delivery] = field(default_factory=lambda: deque(maxlen=DELIVERIES_KEPT))


class NumberReused(Exception):
    """One number came with two contents."""


class BookFull(Exception):
    """No more trades fit."""


class Book:
    """Every trade since the start."""

    def __init__(self, trades: Iterable[Trade] = ()) -> None:
        self._trades = {(one.order.provider, one.order.out_trade_no): one for one in trades}

    def place(self, order: Order, now: datetime) -> tuple[Trade, bool]:
        """Return the trade of an order and whether it is new."""
        earlier = self.get(order.provider, order.out_trade_no, now=now)
        if earlier is not None:
            if earlier.order != order:
                raise NumberReused
            return earlier, False
        if len(self._trades) >= TRADES_MAX:
            raise BookFull
        trade = _new(order, now)
        self._trades[order.provider, order.out_trade_no] = trade
        return trade, True

    def get(self, provider: Provider, out_trade_no: str, *, now: datetime) -> Trade | None:
        """Return a trade as it stands now: an unpaid one closes at its expiry."""
        trade = self._trades.get((provider, out_trade_no))
        if trade and trade.state is State.WAITING and now >= trade.order.expires_at:
            trade.state = State.CLOSED
        return trade

    def find(self, out_trade_no: str, *, now: datetime) -> Trade | None:
        """Return a trade of any provider."""
        found = (self.get(provider, out_trade_no, now=now) for provider in Provider)
        return next((trade for trade in found if trade), None)

    def trades(self, *, now: datetime) -> list[Trade]:
        """Return every trade, in order of coming."""
        known = (self.get(provider, no, now=now) for provider, no in list(self._trades))
        return [trade for trade in known if trade]


class Behaviours:
    """What has been asked of the provider, in general and for single trades."""

    def __init__(self) -> None:
        self._general = Behaviour()
        self._single: dict[str, Change] = {}

    def of(self, out_trade_no: str) -> Behaviour:
        """Return how one trade is treated: what is said of it alone outranks the general."""
        change = self._single.get(out_trade_no)
        return change.onto(self._general) if change else self._general

    def change(self, change: Change) -> Behaviour:
        """Apply a change and return what holds now; the newest word on one trade replaces all."""
        if change.out_trade_no is None:
            self._general = change.onto(self._general)
            return self._general
        if len(self._single) >= SINGLE_BEHAVIOURS_MAX:
            self._single.pop(next(iter(self._single)))
        self._single[change.out_trade_no] = change
        return self.of(change.out_trade_no)

    def reset(self) -> Behaviour:
        """Return to an ordinary day."""
        self._general = Behaviour()
        self._single.clear()
        return self._general


def _new(order: Order, now: datetime) -> Trade:
    token = token_hex(8)
    return Trade(
        order=order,
        created_at=now,
        code_url=f"{LINKS[order.provider]}{token}",
        provider_txn=f"{now:%Y%m%d%H%M%S}{int(token_hex(6), 16) % 10**14:014d}",
        event_id=f"{'EV-' if order.provider is Provider.WECHAT else ''}{now:%Y%m%d}{token}",
    )
