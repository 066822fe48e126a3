"""WeChat Pay's bills: trades (交易账单) and the flow of funds (资金账单).

Owns: their columns, their words, and the totals that their lines must come to.
Never: downloads anything, or believes a bill of another merchant or day.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Context, Decimal, Inexact, InvalidOperation

from onepark.contexts.reconciliation.errors import BillRefused
from onepark.contexts.reconciliation.model import (
    AccountBill,
    BillLine,
    Fetched,
    LineKind,
    LineState,
    Movement,
    TradeBill,
)
from onepark.integrations.payments import bill_files as files
from onepark.integrations.payments.bill_files import Row
from onepark.kernel.types import Fen

PROVIDER = "wechat"
TRADE_TOTALS, FUND_TOTALS = "总交易单数", "资金流水总笔数"
# What the last line adds up, and which column it adds.
SUMS = {
    "应结订单总金额": "应结订单金额",
    "退款总金额": "退款金额",
    "手续费总金额": "手续费",
    "订单总金额": "订单金额",
    "申请退款总金额": "申请退款金额",
}
NEEDED_TOTALS = ("退款总金额", "手续费总金额")
REFUND_STATES = {
    "SUCCESS": LineState.SUCCESS,
    "PROCESSING": LineState.PENDING,
    "FAIL": LineState.FAILED,
    "CHANGE": LineState.FAILED,  # the card is dead: a person decides
}
TRADE_WORDS = {"SUCCESS": LineKind.TRADE, "REFUND": LineKind.REFUND, "REVOKED": LineKind.REFUND}
EXACTLY = Context(traps=[Inexact, InvalidOperation])
IN, OUT = "收入", "支出"
KINDS = (
    ("手续费", LineKind.FEE),
    ("退款", LineKind.REFUND),
    ("提现", LineKind.PAYOUT),
    ("交易", LineKind.TRADE),
)


def read_trades(fetched: Fetched, day: date, *, merchant: str) -> TradeBill:
    """Return every trade and refund of a day; the whole file is refused if a fen is missing."""
    details, totals = _parts(fetched, TRADE_TOTALS)
    lines = [_line(row, day, merchant) for row in details]
    files.demand_equal("rows", TRADE_TOTALS, told=_count(totals, TRADE_TOTALS), counted=len(lines))
    for name in NEEDED_TOTALS:
        totals.text(name)
    for name, column in SUMS.items():
        if name in totals.fields:
            counted = sum(row.fen(column) for row in details)
            files.demand_equal("totals", name, told=totals.fen(name), counted=counted)
    return TradeBill(lines)


def read_funds(fetched: Fetched, day: date) -> AccountBill:
    """Return every movement of the merchant's account on a day."""
    details, totals = _parts(fetched, FUND_TOTALS)
    moved = [_movement(row, day) for row in details]
    came = [one.amount_fen for one in moved if one.amount_fen >= 0]
    went = [-one.amount_fen for one in moved if one.amount_fen < 0]
    counts = {FUND_TOTALS: len(moved), "收入笔数": len(came), "支出笔数": len(went)}
    for name, counted in counts.items():
        files.demand_equal("rows", name, told=_count(totals, name), counted=counted)
    for name, amounts in (("收入金额", came), ("支出金额", went)):
        files.demand_equal("totals", name, told=totals.fen(name), counted=sum(amounts))
    return AccountBill(moved)


def _parts(fetched: Fetched, first_total: str) -> tuple[list[Row], Row]:
    """Cut a file into its rows and its totals, which are its last two lines."""
    chunks = files.proven(files.unpacked(fetched.body), fetched.sha1)
    found = files.rows(chunks, "utf-8")
    names = files.header(_next(found, "The file is empty.")[1])
    details: list[Row] = []
    for line_no, fields in found:
        if files.plain(fields[0]) == first_total:
            total_names = files.header(fields)
            total_no, values = _next(found, "The totals are missing.")
            if next(found, None) is not None:
                raise BillRefused("form", "Something follows the totals.")
            return details, files.named(total_names, values, total_no)
        details.append(files.named(names, fields, line_no))
    raise BillRefused("cut_short", "The file ends before its totals.")


def _next(found: Iterator[tuple[int, list[str]]], sentence: str) -> tuple[int, list[str]]:
    row = next(found, None)
    if row is None:
        raise BillRefused("cut_short", sentence)
    return row


def _count(totals: Row, name: str) -> int:
    """Read a count, which WeChat writes as 45.0."""
    try:
        return int(Decimal(totals.text(name)).to_integral_exact(context=EXACTLY))
    except (ArithmeticError, ValueError) as error:
        raise BillRefused("totals", f"{name} is no count.", line=totals.line_no) from error


def _line(row: Row, day: date, merchant: str) -> BillLine:
    if row.text("商户号") != merchant:
        raise BillRefused("merchant", "A line is of another merchant.", line=row.line_no)
    kind = TRADE_WORDS.get(row.text("交易状态"))
    if kind is None:
        raise BillRefused("word", "A line is in a state that is unknown.", line=row.line_no)
    return _trade(row, day) if kind is LineKind.TRADE else _refund(row, day)


def _trade(row: Row, day: date) -> BillLine:
    txn = row.number("微信订单号")
    amount = "订单金额" if "订单金额" in row.fields else "应结订单金额"
    return BillLine(
        provider=PROVIDER,
        kind=LineKind.TRADE,
        provider_txn=txn,
        our_no=row.number("商户订单号"),
        amount_fen=row.fen(amount),
        settled_fen=row.fen("应结订单金额"),
        fee_fen=row.fen("手续费"),
        at=files.demand_day(row.at("交易时间"), day, row.line_no),
        state=LineState.SUCCESS,
        line_no=row.line_no,
        currency=row.text("货币种类"),
        fund_key=txn,
        fee_ppm=_ppm(row.fields.get("费率", "")),
        app=row.fields.get("公众账号ID") or None,
    )


def _refund(row: Row, day: date) -> BillLine:
    """Read a refund; one that was reversed at the till has no number of its own."""
    word = row.text("退款状态") or "SUCCESS"
    if word not in REFUND_STATES:
        raise BillRefused("word", "A refund is in a state that is unknown.", line=row.line_no)
    of_no, asked = row.number("商户订单号"), row.fields.get("申请退款金额")
    refund_id = _own(row.number("微信退款单号", empty=True)) or row.number("微信订单号")
    settled_fen = row.fen("退款金额")
    return BillLine(
        provider=PROVIDER,
        kind=LineKind.REFUND,
        provider_txn=refund_id,
        our_no=_own(row.number("商户退款单号", empty=True)) or of_no,
        amount_fen=row.fen("申请退款金额") if asked else settled_fen,
        settled_fen=settled_fen,
        fee_fen=row.fen("手续费"),
        at=files.demand_day(row.at("交易时间"), day, row.line_no),
        state=REFUND_STATES[word],
        line_no=row.line_no,
        currency=row.text("货币种类"),
        fund_key=refund_id,
        of_no=of_no,
        app=row.fields.get("公众账号ID") or None,
    )


def _own(number: str) -> str:
    """WeChat writes 0 where there is no refund."""
    return "" if number == "0" else number


def _ppm(rate: str) -> int | None:
    """Read a rate such as 0.60% as parts per million."""
    try:
        return int(Decimal(rate.removesuffix("%")) * 10_000) if rate.endswith("%") else None
    except InvalidOperation:
        return None


def _movement(row: Row, day: date) -> Movement:
    direction, amount_fen = row.text("收支类型"), row.fen("收支金额(元)")
    if direction not in {IN, OUT} or amount_fen < 0:
        raise BillRefused("word", "A movement goes neither in nor out.", line=row.line_no)
    what = row.text("业务类型")
    return Movement(
        provider=PROVIDER,
        kind=next((kind for word, kind in KINDS if word in what), LineKind.OTHER),
        number=row.number("资金流水单号"),
        fund_key=row.number("微信支付业务单号"),
        amount_fen=amount_fen if direction == IN else Fen(-amount_fen),
        at=files.demand_day(row.at("记账时间"), day, row.line_no),
        line_no=row.line_no,
    )
