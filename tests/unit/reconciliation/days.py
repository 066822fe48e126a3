"""Days of trades and refunds: what we believe, what is billed, and a fault between them."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import NamedTuple

from hypothesis import strategies as st
from msgspec.structs import replace

from onepark.contexts.reconciliation.model import (
    BillLine,
    Case,
    DifferenceClass,
    Fetched,
    LineKind,
    LineState,
    Ours,
    Thing,
)
from onepark.integrations.payments import alipay_bills, wechat_bills
from onepark.kernel.types import CHINA, Fen, LotId, OperatorId
from onepark.simulator.providers import bills
from onepark.simulator.providers.bills import BillRow, fee_of
from onepark.simulator.providers.keys import ALIPAY_SELLER_ID, MCHID

DAY = date(2026, 11, 20)
MIDNIGHT = datetime(2026, 11, 20, tzinfo=CHINA)


class Fault(NamedTuple):
    """How a row is spoilt, and how that has to be found."""

    what: DifferenceClass
    of_refund: bool | None  # None: of either
    spoil: Callable[[BillRow], list[BillRow]]


def _no_such(row: BillRow) -> BillRow:
    changed = {"out_trade_no": f"Z{row.out_trade_no[1:]}", "txn": f"9{row.txn[1:]}"}
    return replace(row, **changed, refund_no=row.refund_no and f"Z{row.refund_no[1:]}")


FAULTS = {
    "missing": Fault(DifferenceClass.OURS_ONLY, None, lambda _: []),
    "extra": Fault(DifferenceClass.THEIRS_ONLY, None, lambda row: [row, _no_such(row)]),
    "one fen more": Fault(
        DifferenceClass.AMOUNT_DIFFERS, None, lambda r: [replace(r, amount_fen=r.amount_fen + 1)]
    ),
    "one fen less": Fault(
        DifferenceClass.AMOUNT_DIFFERS, None, lambda r: [replace(r, amount_fen=r.amount_fen - 1)]
    ),
    "fee": Fault(DifferenceClass.FEE_DIFFERS, False, lambda r: [replace(r, fee_fen=r.fee_fen + 1)]),
    "twice": Fault(DifferenceClass.DUPLICATE, None, lambda row: [row, row]),
    "paid again": Fault(
        DifferenceClass.DUPLICATE, False, lambda r: [r, replace(r, txn=f"9{r.txn[1:]}")]
    ),
    "another transaction": Fault(
        DifferenceClass.OURS_ONLY, False, lambda r: [replace(r, txn=f"9{r.txn[1:]}")]
    ),
}


@st.composite
def days(draw: st.DrawFn) -> list[BillRow]:
    """Up to ten trades of a day, some of which are given back in part or whole."""
    rows: list[BillRow] = []
    for number in range(1, draw(st.integers(1, 10)) + 1):
        amount = draw(st.integers(2, 1_000_000))
        trade = BillRow(
            txn=f"4{number:027d}",
            out_trade_no=f"T{number:019d}",
            amount_fen=amount,
            at=MIDNIGHT + timedelta(seconds=draw(st.integers(0, 86_399))),
            fee_fen=fee_of(amount),
            description=draw(st.sampled_from(["停车费", "a,b", '"quoted"', "`tick", "🚗"])),
        )
        rows.append(trade)
        if draw(st.booleans()):
            back = draw(st.integers(2, amount))
            rows.append(
                replace(trade, refund_id=f"5{number:027d}", refund_no=f"R{number:019d}",
                        amount_fen=back, fee_fen=-(fee_of(back) // 2))
            )  # fmt: skip
    return rows


def ours_of(row: BillRow, provider: str) -> Ours:
    """What we believe of it."""
    kind = LineKind.REFUND if row.is_refund else LineKind.TRADE
    return Ours(
        kind,
        row.refund_no or row.out_trade_no,
        Fen(row.amount_fen),
        LineState.SUCCESS,
        OperatorId(7),
        LotId(1),
        row.txn if kind is LineKind.TRADE else f"{provider}-refund",
        row.at,
    )


def lines_of(rows: list[BillRow], provider: str) -> list[BillLine]:
    """Write the bill in the provider's format and read it back."""
    if provider == "wechat":
        text = bills.wechat_trades(rows)
        fetched = Fetched(bills.packed(text), bills.sha1(text))
        return wechat_bills.read_trades(fetched, DAY, merchant=MCHID).lines
    fetched = Fetched(bills.alipay_trades(rows, DAY))
    return alipay_bills.read_trades(fetched, DAY, merchant=ALIPAY_SELLER_ID).lines


def case_of(rows: list[BillRow], billed: list[BillRow], provider: str) -> Case:
    """Our belief in ``rows`` beside a bill of ``billed``; the fees are in the contract."""
    ours = [ours_of(row, provider) for row in rows]
    things = [Thing(one.kind, one.number) for one in ours]
    return Case(
        day=DAY,
        lines=lines_of(billed, provider),
        ours=dict(zip(things, ours, strict=True)),
        paid=things,
        elsewhere=[],
        fee_ppm=bills.FEE_PPM,
    )
