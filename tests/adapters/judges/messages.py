"""A paid trade, and the notices that the simulator writes of it.

Owns: the trade that the judges are shown, and how a bent message is put to our side.
Never: signs or seals.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from onepark.contexts.payments.errors import NoticeStale, NoticeUnverified
from onepark.contexts.payments.model import TradeFact, TradeState
from onepark.contexts.payments.ports import Channel
from onepark.kernel.types import Fen
from onepark.simulator.providers.trades import Book, Order, Provider, State, Trade

NUMBER = "20260501P000001"
DESCRIPTION = "停车费+月卡 100% a&b=c 🚗 Parking"


def this_second() -> datetime:
    """Judges read their own clock, so what they are shown is of this second."""
    return datetime.now(UTC).replace(microsecond=0)


def a_paid_trade(provider: Provider, now: datetime, **changes: Any) -> Trade:
    """Five yuan, paid this second."""
    order = {
        "provider": provider,
        "out_trade_no": NUMBER,
        "amount_fen": 500,
        "description": DESCRIPTION,
        "notify_url": "https://park.example/v1/payments/notices/any",
        "expires_at": now.replace(year=now.year + 1, day=1),
    }
    trade, _ = Book().place(Order(**{**order, **changes}), now)
    trade.state, trade.paid_at = State.PAID, now
    return trade


def the_fact(channel: Channel, trade: Trade) -> TradeFact:
    """What our side must read out of a notice of that trade."""
    return TradeFact(
        out_trade_no=trade.order.out_trade_no,
        state=TradeState.SUCCESS,
        merchant=channel.merchant,
        app=channel.app,
        amount_fen=Fen(trade.order.amount_fen),
        currency="CNY",
        provider_txn=trade.provider_txn,
        paid_at=trade.paid_at,
    )


def our_reason(channel: Channel, headers: Mapping[str, str], body: str, now: datetime) -> str:
    """Why our side refuses a notice; empty if it believes it."""
    lower = {name.lower(): value for name, value in headers.items()}
    try:
        channel.verify_notice(lower, body.encode(), now)
    except NoticeStale:
        return "stale"
    except NoticeUnverified as refused:
        return str(refused.facts["reason"])
    return ""


def serialised_again(body: str) -> str:
    """The same JSON in other bytes."""
    return json.dumps(json.loads(body), ensure_ascii=True, separators=(",", ":"))
