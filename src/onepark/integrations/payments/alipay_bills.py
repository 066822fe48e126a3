"""Alipay's bills: trades (业务明细) and the account (账务明细), GBK in a zip archive.

Owns: their marks, columns and words, and the totals that their lines must come to.
Never: downloads anything, or believes a bill of another seller or day.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

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
from onepark.integrations.payments.bill_files import Row, fen_in
from onepark.kernel.types import Fen

PROVIDER = "alipay"
ENCODING = "gb18030"  # what GBK is a part of
SUMMARY = "汇总"
TRADES_END, FUNDS_END = "业务明细列表结束", "账务明细列表结束"
WORDS = {"交易": LineKind.TRADE, "退款": LineKind.REFUND}
KINDS = (
    ("收费", LineKind.FEE),
    ("服务费", LineKind.FEE),
    ("退", LineKind.REFUND),
    ("提现", LineKind.PAYOUT),
    ("支付", LineKind.TRADE),
    ("交易", LineKind.TRADE),
)

_ACCOUNT = re.compile(r"#账号[:：]\[(\d+)\]")
_FROM = re.compile(r"#起始日期[:：]\[(\d{4})年(\d{2})月(\d{2})日")
_AMOUNT = r"(-?\d+(?:\.\d+)?)元"
_TRADES = re.compile(rf"#交易合计[:：](\d+)笔，商家实收共{_AMOUNT}")
_REFUNDS = re.compile(rf"#退款合计[:：](\d+)笔，商家实收退款共{_AMOUNT}")
_OUT = re.compile(rf"#支出合计[:：](\d+)笔，共{_AMOUNT}")
_IN = re.compile(rf"#收入合计[:：](\d+)笔，共{_AMOUNT}")


class _Paper(NamedTuple):
    """A file cut into what its marks say and its rows."""

    marks: list[str]
    rows: list[Row]

    def mark(self, pattern: re.Pattern[str], name: str) -> re.Match[str]:
        """Return what a mark says; a file without it is cut short or something else."""
        found = next(filter(None, map(pattern.match, self.marks)), None)
        if found is None:
            raise BillRefused("cut_short", f"The file does not say its {name}.")
        return found


def read_trades(fetched: Fetched, day: date, *, merchant: str) -> TradeBill:
    """Return every trade and refund of a day; the whole file is refused if a fen is missing."""
    paper = _paper(fetched, TRADES_END)
    _demand_ours(paper, day, merchant)
    lines = [_line(row, day) for row in paper.rows]
    for pattern, kind, name in (
        (_TRADES, LineKind.TRADE, "trades"),
        (_REFUNDS, LineKind.REFUND, "refunds"),
    ):
        settled = [one.settled_fen for one in lines if one.kind is kind]
        _demand_total(paper.mark(pattern, f"total of {name}"), name, settled)
    return TradeBill(lines)


def read_funds(fetched: Fetched, day: date, *, merchant: str) -> AccountBill:
    """Return every movement of the seller's account on a day."""
    paper = _paper(fetched, FUNDS_END)
    _demand_ours(paper, day, merchant)
    moved = [_movement(row, day) for row in paper.rows]
    came = [one.amount_fen for one in moved if one.amount_fen >= 0]
    went = [one.amount_fen for one in moved if one.amount_fen < 0]
    _demand_total(paper.mark(_IN, "income"), "income", came)
    _demand_total(paper.mark(_OUT, "expenses"), "expenses", went)
    return AccountBill(moved)


def _paper(fetched: Fetched, end: str) -> _Paper:
    """Find the file of details in the archive and cut it; summaries beside it say nothing new."""
    texts = files.members(fetched.body)
    found = [
        _cut(chunks, end) for name, chunks in texts if name.endswith(".csv") and SUMMARY not in name
    ]
    if len(found) != 1:
        raise BillRefused("form", f"The archive holds {len(found)} files of details, not one.")
    return found[0]


def _cut(chunks: Iterable[bytes], end: str) -> _Paper:
    marks: list[str] = []
    rows: list[Row] = []
    names: list[str] = []
    for line_no, fields in _no_trailing_marks(files.rows(chunks, ENCODING)):
        if fields[0].startswith("#"):
            marks.append("，".join(filter(None, map(str.strip, fields))))
        elif not names:
            names = files.header(fields)
        elif any(end in mark for mark in marks):
            raise BillRefused("form", "A row stands behind the end.", line=line_no)
        else:
            rows.append(files.named(names, fields, line_no))
    if not any(end in mark for mark in marks):
        raise BillRefused("cut_short", "The file ends before its list does.")
    return _Paper(marks, rows)


def _no_trailing_marks(
    found: Iterator[tuple[int, list[str]]],
) -> Iterator[tuple[int, list[str]]]:
    """Yield rows with the mark in front, wherever a spreadsheet has put spaces before it."""
    return ((line_no, [fields[0].lstrip("\t "), *fields[1:]]) for line_no, fields in found)


def _demand_ours(paper: _Paper, day: date, merchant: str) -> None:
    """Alipay writes the seller's number with 0156 behind it."""
    if not paper.mark(_ACCOUNT, "account")[1].startswith(merchant):
        raise BillRefused("merchant", "The bill is of another seller.")
    year, month, first = map(int, paper.mark(_FROM, "day").groups())
    if (year, month, first) != (day.year, day.month, day.day):
        raise BillRefused("day", f"The bill begins on {year}-{month:02}-{first:02}, not on {day}.")


def _demand_total(told: re.Match[str], name: str, amounts: list[Fen]) -> None:
    total_fen = abs(fen_in(told[2], name, 0))
    files.demand_equal("rows", name, told=int(told[1]), counted=len(amounts))
    files.demand_equal("totals", name, told=total_fen, counted=abs(sum(amounts)))


def _line(row: Row, day: date) -> BillLine:
    kind = WORDS.get(row.text("业务类型"))
    if kind is None:
        raise BillRefused("word", "A line is of a kind that is unknown.", line=row.line_no)
    of_no, txn = row.number("商户订单号"), row.number("支付宝交易号")
    request_no = row.number("退款批次号/请求号", empty=True)
    refund = kind is LineKind.REFUND
    return BillLine(
        provider=PROVIDER,
        kind=kind,
        provider_txn=f"{txn}:{request_no}"[:64] if refund else txn,
        our_no=request_no or of_no if refund else of_no,
        amount_fen=_magnitude(row, "订单金额(元)"),
        settled_fen=_magnitude(row, "商家实收(元)"),
        fee_fen=Fen(-row.fen("服务费(元)")),
        at=files.demand_day(row.at("完成时间"), day, row.line_no),
        state=LineState.SUCCESS,
        line_no=row.line_no,
        fund_key=of_no,
        of_no=of_no if refund else "",
    )


def _magnitude(row: Row, name: str) -> Fen:
    """Refunds are written with a minus, by some as without."""
    return Fen(abs(row.fen(name)))


def _movement(row: Row, day: date) -> Movement:
    came_fen = row.fen(_either(row, "收入金额"))
    went_fen = abs(row.fen(_either(row, "支出金额")))
    if came_fen < 0 or (came_fen and went_fen):
        raise BillRefused("amount", "A movement goes both in and out.", line=row.line_no)
    what = row.text("业务类型")
    return Movement(
        provider=PROVIDER,
        kind=next((kind for word, kind in KINDS if word in what), LineKind.OTHER),
        number=row.number("账务流水号"),
        fund_key=row.number("商户订单号", empty=True) or row.number("业务流水号"),
        amount_fen=Fen(came_fen - went_fen),
        at=files.demand_day(row.at("发生时间"), day, row.line_no),
        line_no=row.line_no,
    )


def _either(row: Row, start: str) -> str:
    """Return the column that begins so: its unit is written in several ways."""
    return next((name for name in row.fields if name.startswith(start)), start)
