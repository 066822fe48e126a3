"""Cars that are inside and owe, each with a frozen charge and a trade that can be paid.

Owns: how such an order comes to be without a gate and a payer, and the bytes of its notices.
Never: settles anything, or signs with a key that a provider does not hold.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import asyncpg

from onepark.simulator.providers.alipay import AlipayWords
from onepark.simulator.providers.keys import Keys, load_or_make, write_payments_file
from onepark.simulator.providers.trades import Behaviour, Order, Provider, State, Trade
from onepark.simulator.providers.wechat import WechatWords
from onepark.simulator.providers.wire import Dialect, Parcel

PUBLIC_URL = "https://127.0.0.1"
PATH = "/v1/payments/notices"
DESCRIPTION = "停车费"
LIVES = timedelta(hours=2)
PREPARED_S = 600.0

# One statement for a set of cars with numbers that nobody has used: what a gate, a look at the dues
# and the beginning of a payment leave behind.
OPEN = """
    WITH lot AS MATERIALIZED (
        SELECT lot_id, operator_id, revenue_kind, row_number() OVER (ORDER BY lot_id) - 1 AS place,
            count(*) OVER () AS lots
        FROM registry.lot
    ), one AS MATERIALIZED (
        SELECT lot.*, n, '苏U' || lpad(n::text, 7, '0') AS plate, 1_000_000_000_000 + n AS stay_id,
            'P' || lpad(lot_id::text, 7, '0') || left(translate(
                upper(md5('order ' || n)), '0189', 'WXYZ'), 24) AS order_no,
            100 + 50 * (n % 60) AS amount_fen, (
                SELECT plan_id FROM tariffs.lot_plan AS held
                JOIN tariffs.plan USING (operator_id, plan_key)
                WHERE held.lot_id = lot.lot_id ORDER BY plan_id DESC LIMIT 1) AS plan_id
        FROM generate_series($1::bigint, $1 + $2 - 1) AS n JOIN lot ON lot.place = n % lot.lots
    ), car AS (
        INSERT INTO stays.car (lot_id, car_key, operator_id, open_stay_id)
        SELECT lot_id, plate || '/blue', operator_id, stay_id FROM one
    ), stay AS (
        INSERT INTO stays.stay (lot_id, stay_id, operator_id, car_key, plate, plate_color, vehicle,
            pool, plan_id, state, marks, entered_at, exit_derived)
        SELECT lot_id, stay_id, operator_id, plate || '/blue', plate, 'blue', 'small',
            'short_stay', plan_id, 'open', '{}', now() - interval '2 hours', false
        FROM one
    ), stay_order AS (
        INSERT INTO stays.stay_order (lot_id, order_no, stay_id, operator_id, car_key, plate, state,
            opened_at, paid_fen, written_off_fen, refund_due_fen, settled)
        SELECT lot_id, order_no, stay_id, operator_id, plate || '/blue', plate, 'open',
            now() - interval '2 hours', 0, 0, 0, false
        FROM one
    ), count AS (
        INSERT INTO stays.count AS kept (lot_id, pool, operator_id, n, occupied)
        SELECT lot_id, 'short_stay', operator_id, count(*), count(*) FROM one GROUP BY 1, 3
        ON CONFLICT (lot_id, pool) DO UPDATE SET
            n = kept.n + excluded.n, occupied = kept.occupied + excluded.occupied
    ), charge AS (
        INSERT INTO stays.charge (lot_id, order_no, charge_no, operator_id, amount_fen,
            priced_until_at, plan_id, lines, state, frozen_at, revenue_kind)
        SELECT lot_id, order_no, 1, operator_id, amount_fen, now(), plan_id, '[]', 'live', now(),
            revenue_kind
        FROM one
    )
    INSERT INTO payments.attempt (attempt_no, lot_id, operator_id, order_no, charge_no, channel,
        amount_fen, state, created_at, expires_at, code_url, next_query_at, revenue_kind)
    SELECT upper(md5(order_no || channel)), lot_id, operator_id, order_no, 1, channel,
        amount_fen, 'pending', now(), now() + $4::interval, 'weixin://wxpay/bizpayurl?pr=' || n,
        now() + $4::interval, revenue_kind
    FROM one JOIN unnest('{wechat,alipay}'::text[]) WITH ORDINALITY AS way (channel, place)
        ON n % 2 = way.place - 1 OR n % $3 = $3 - 1
    RETURNING attempt_no, order_no, channel, amount_fen
"""
TABLES = ("stays.car", "stays.stay", "stays.stay_order", "stays.charge", "payments.attempt")
NEVER = 2**62  # no number is divided by it


class OpenTrade(NamedTuple):
    """An attempt that nobody has paid."""

    attempt_no: str
    order_no: str
    channel: str
    amount_fen: int


def open_trades(
    url: str, cars: int, *, first: int = 0, two_payers_each: int = NEVER
) -> list[OpenTrade]:
    """Let cars in from a number on, and begin to pay for each; some through both channels."""
    return asyncio.run(_open_trades(url, cars, first, two_payers_each))


async def _open_trades(url: str, cars: int, first: int, two_payers_each: int) -> list[OpenTrade]:
    tx = await asyncpg.connect(url)
    try:
        made = await tx.fetch(OPEN, first, cars, two_payers_each, LIVES, timeout=PREPARED_S)
        for table in TABLES:
            await tx.execute(f"ANALYZE {table}")
    finally:
        await tx.close()
    return [OpenTrade(*row) for row in made]


class Providers:
    """WeChat Pay and Alipay as they tell a merchant of trades, with keys of their own."""

    def __init__(self, folder: Path, *, base_url: str = "https://127.0.0.1:1") -> None:
        self.keys: Keys = load_or_make(folder)
        self.payments_file = write_payments_file(folder, base_url, self.keys)
        self.words: Mapping[str, Dialect] = {
            Provider.WECHAT: WechatWords(self.keys),
            Provider.ALIPAY: AlipayWords(self.keys),
        }

    def notice(self, trade: Trade, behaviour: Behaviour | None = None) -> Parcel:
        """Sign a notice of a trade, as of now."""
        words = self.words[trade.order.provider]
        return words.parcel(trade, behaviour or Behaviour(), datetime.now(UTC))


def trade_of(one: OpenTrade, *, paid: bool = True) -> Trade:
    """Return how a provider has an attempt in its book."""
    now = datetime.now(UTC)
    return Trade(
        order=Order(
            provider=Provider(one.channel),
            out_trade_no=one.attempt_no,
            amount_fen=one.amount_fen,
            description=DESCRIPTION,
            notify_url=f"{PUBLIC_URL}{PATH}/{one.channel}",
            expires_at=now + LIVES,
        ),
        created_at=now,
        code_url="",
        provider_txn=f"42{one.attempt_no[:26]}",
        event_id=f"EV-{one.attempt_no}",
        state=State.PAID if paid else State.WAITING,
        paid_at=now if paid else None,
    )


def posted(channel: str, parcel: Parcel, *, port: int) -> bytes:
    """Return the bytes of a request that brings a notice."""
    lines = [
        f"POST {PATH}/{channel} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        *(f"{name}: {value}" for name, value in parcel.headers.items()),
        f"Content-Length: {len(parcel.body)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + parcel.body
