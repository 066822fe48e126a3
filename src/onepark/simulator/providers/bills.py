"""The bills of the providers: what was paid on a day, in their real formats.

Owns: the rows that the book makes, the faults that a tester asks for, and how both are written.
Never: imports a reader of ours, so that each side checks the other.
"""

import gzip
import hashlib
import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from onepark.kernel.types import CHINA
from onepark.simulator.providers.keys import ALIPAY_SELLER_ID, MCHID, WECHAT_APPID
from onepark.simulator.providers.refunds import Refund, RefundBook, RefundState
from onepark.simulator.providers.trades import Provider, State, Trade

STAMP = "%Y-%m-%d %H:%M:%S"
FEE_PPM = 6_000

REFUND_WORDS = {
    RefundState.PROCESSING: "PROCESSING",
    RefundState.SUCCESS: "SUCCESS",
    RefundState.ABNORMAL: "CHANGE",
    RefundState.CLOSED: "FAIL",
}

WECHAT_COLUMNS = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,"
    "付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,"
    "退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
WECHAT_TOTALS = (
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
)
WECHAT_FUNDS = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),"
    "资金变更提交申请人,备注,业务凭证号"
)
WECHAT_FUND_TOTALS = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"
ALIPAY_COLUMNS = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,"
    "对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,"
    "券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,"
    "分润（元）,备注"
)
ALIPAY_FUNDS = (
    "账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,"
    "账户余额（元）,交易渠道,业务类型,备注"
)


class Fault(StrEnum):
    """What is wrong with a bill."""

    NONE = "none"
    MISSING_ROW = "missing_row"  # the first trade is not in it
    EXTRA_ROW = "extra_row"  # a trade that nobody made is
    ONE_FEN_OFF = "one_fen_off"  # the first trade is a fen too high
    FEE_OFF = "fee_off"  # the first fee is a fen too high
    WRONG_TOTALS = "wrong_totals"  # the totals are a fen too high
    WRONG_SHA1 = "wrong_sha1"  # the announced digest is of another file
    NOT_READY = "not_ready"


class BillRow(Struct, frozen=True):
    """One trade or refund as a bill tells it; a fee given back is negative."""

    txn: str
    out_trade_no: str
    amount_fen: int
    at: datetime
    fee_fen: int
    description: str = "停车费"
    refund_id: str = ""
    refund_no: str = ""
    refund_word: str = "SUCCESS"  # of a refund: what WeChat Pay says of it

    @property
    def is_refund(self) -> bool:
        """Say whether it is a refund."""
        return bool(self.refund_no)


def fee_of(amount_fen: int) -> int:
    """Return 0.6 %, half a fen rounded up."""
    return (amount_fen * FEE_PPM * 2 + 1_000_000) // 2_000_000


def rows_of(
    trades: Iterable[Trade], refunds: RefundBook, provider: Provider, day: date
) -> list[BillRow]:
    """Return what a provider's bill of a day has to say; Alipay's only what went through."""
    paid = [
        trade
        for trade in trades
        if trade.order.provider is provider and trade.state is State.PAID and trade.paid_at
    ]
    rows = [_row(trade) for trade in paid]
    for trade in paid:
        rows += [
            _refund_row(trade, refund)
            for refund in refunds.of(trade)
            if provider is Provider.WECHAT or refund.state is RefundState.SUCCESS
        ]
    return [row for row in rows if row.at.astimezone(CHINA).date() == day]


def spoiled(rows: Sequence[BillRow], fault: Fault) -> list[BillRow]:
    """Return the rows with the fault that a tester asked for."""
    found = list(rows)
    if not found:
        return found
    first = found[0]
    if fault is Fault.MISSING_ROW:
        return found[1:]
    if fault is Fault.EXTRA_ROW:
        extra = replace(first, txn=f"9{first.txn[1:]}", out_trade_no=f"X{first.out_trade_no[1:]}")
        return [*found, extra]
    if fault is Fault.ONE_FEN_OFF:
        return [replace(first, amount_fen=first.amount_fen + 1), *found[1:]]
    if fault is Fault.FEE_OFF:
        return [replace(first, fee_fen=first.fee_fen + 1), *found[1:]]
    return found


def wechat_trades(rows: Sequence[BillRow], *, off_fen: int = 0) -> bytes:
    """Write a trade bill: a byte order mark, back-ticks, yuan, the totals last."""
    trades = [row for row in rows if not row.is_refund]
    refunds = [row for row in rows if row.is_refund]
    paid, back = _sum(trades), _sum(refunds)
    fee = _yuan(sum(row.fee_fen for row in rows) + off_fen)
    totals = [f"{len(rows)}.0", paid, back, "0.00", fee, paid, back]
    lines = [WECHAT_COLUMNS, *map(_wechat_line, rows), WECHAT_TOTALS, _ticked(totals)]
    return _text(lines).encode("utf-8-sig")


def wechat_funds(rows: Sequence[BillRow], *, off_fen: int = 0) -> bytes:
    """Write the flow of funds: what came in, and beside it the fee that went out."""
    moved = [line for row in rows for line in _wechat_moves(row)]
    came = [fen for _, fen in moved if fen >= 0]
    went = [-fen for _, fen in moved if fen < 0]
    totals = [str(len(moved)), str(len(came)), _yuan(sum(came) + off_fen), str(len(went)),
              _yuan(sum(went))]  # fmt: skip
    lines = [WECHAT_FUNDS, *(line for line, _ in moved), WECHAT_FUND_TOTALS, _ticked(totals)]
    return _text(lines).encode("utf-8-sig")


def packed(text: bytes) -> bytes:
    """Return a file as WeChat Pay sends it when it is asked for gzip."""
    return gzip.compress(text, mtime=0)


def sha1(text: bytes) -> str:
    """Return the digest that is announced, of the file unpacked."""
    return hashlib.sha1(text, usedforsecurity=False).hexdigest()


def alipay_trades(rows: Sequence[BillRow], day: date, *, off_fen: int = 0) -> bytes:
    """Write the archive of a trade bill: details and their summary, in GBK."""
    trades = [row for row in rows if not row.is_refund]
    refunds = [row for row in rows if row.is_refund]
    paid = _yuan(sum(row.amount_fen for row in trades) + off_fen)
    lines = [
        *_alipay_head("业务明细", day),
        ALIPAY_COLUMNS,
        *map(_alipay_line, rows),
        f"#{'-' * 41}业务明细列表结束{'-' * 36}",
        f"#交易合计：{len(trades)}笔，商家实收共{paid}元，商家优惠共0.00元",
        f"#退款合计：{len(refunds)}笔，商家实收退款共-{_sum(refunds)}元，商家优惠退款共0.00元",
        f"#导出时间：[{day + timedelta(days=1):%Y年%m月%d日} 05:46:49]",
    ]
    return _archive(day, "业务明细", lines)


def alipay_funds(rows: Sequence[BillRow], day: date, *, off_fen: int = 0) -> bytes:
    """Write the archive of an account's bill."""
    moved = [line for row in rows for line in _alipay_moves(row)]
    came = [fen for _, fen in moved if fen >= 0]
    went = [-fen for _, fen in moved if fen < 0]
    lines = [
        *_alipay_head("账务明细", day),
        ALIPAY_FUNDS,
        *(line for line, _ in moved),
        f"#{'-' * 40}账务明细列表结束{'-' * 37}",
        f"#支出合计：{len(went)}笔，共{_yuan(-sum(went))}元",
        f"#收入合计：{len(came)}笔，共{_yuan(sum(came) + off_fen)}元",
        f"#导出时间：[{day + timedelta(days=1):%Y年%m月%d日} 05:46:49]",
    ]
    return _archive(day, "账务明细", lines)


def _row(trade: Trade) -> BillRow:
    assert trade.paid_at is not None, "only what was paid is billed"
    return BillRow(
        txn=trade.provider_txn,
        out_trade_no=trade.order.out_trade_no,
        amount_fen=trade.order.amount_fen,
        at=trade.paid_at,
        fee_fen=fee_of(trade.order.amount_fen),
        description=trade.order.description,
    )


def _refund_row(trade: Trade, refund: Refund) -> BillRow:
    return replace(
        _row(trade),
        amount_fen=refund.order.amount_fen,
        at=refund.ended_at or refund.asked_at,
        fee_fen=-fee_of(refund.order.amount_fen),
        refund_id=refund.provider_refund,
        refund_no=refund.order.refund_no,
        refund_word=REFUND_WORDS[refund.state],
    )


def _wechat_line(row: BillRow) -> str:
    yuan, fee = _yuan(row.amount_fen), f"{_yuan(row.fee_fen)}000"
    said = row.description.replace(",", "\\ ").replace('"', "")
    first = [_stamp(row.at), WECHAT_APPID, MCHID, "0", "", row.txn, row.out_trade_no,
             "o-simulated-payer", "NATIVE"]  # fmt: skip
    if row.is_refund:
        rest = ["REFUND", "OTHERS", "CNY", "0.00", "0.00", row.refund_id, row.refund_no, yuan,
                "0.00", "ORIGINAL", row.refund_word, said, "", fee, "0.60%", "0.00", yuan,
                ""]  # fmt: skip
    else:
        rest = ["SUCCESS", "OTHERS", "CNY", yuan, "0.00", "0", "0", "0.00", "0.00", "", "", said,
                "", fee, "0.60%", yuan, "0.00", ""]  # fmt: skip
    return _ticked([*first, *rest])


def _wechat_moves(row: BillRow) -> list[tuple[str, int]]:
    """Return the movements of one row; a refund takes its fee back in the same line."""
    business = row.refund_id or row.txn
    if row.is_refund:
        moved = row.refund_word == "SUCCESS"
        words = [("退款", -row.amount_fen - row.fee_fen if moved else 0)]
    else:
        words = [("交易", row.amount_fen), ("扣除交易手续费", -row.fee_fen)]
    return [
        (
            _ticked(
                [_stamp(row.at), business, f"F{number}{business}"[:32], "交易", word,
                 "收入" if fen >= 0 else "支出", _yuan(abs(fen)), "0.00", "system", "",
                 row.refund_no or row.out_trade_no]
            ),
            fen,
        )
        for number, (word, fen) in enumerate(words)
        if fen
    ]  # fmt: skip


def _alipay_head(what: str, day: date) -> list[str]:
    until = day + timedelta(days=1)
    return [
        f"#支付宝{what}查询",
        f"#账号：[{ALIPAY_SELLER_ID}0156]",
        f"#起始日期：[{day:%Y年%m月%d日} 00:00:00]   终止日期：[{until:%Y年%m月%d日} 00:00:00]",
        f"#{'-' * 41}{what}列表{'-' * 40}",
    ]


def _alipay_line(row: BillRow) -> str:
    sign = "-" if row.is_refund else ""
    yuan, said = f"{sign}{_yuan(row.amount_fen)}", row.description.replace(",", "，")
    at = _stamp(row.at)
    return ",".join(
        [f"{row.txn}\t", f"{row.out_trade_no}\t", "退款\t" if row.is_refund else "交易\t", said,
         at, at, "\t", "\t", "\t", "\t", "*水(sim***@example.com)\t", yuan, yuan, "0.00", "0.00",
         "0.00", "0.00", "0.00", "", "0.00\t", "0.00", f"{row.refund_no}\t", _yuan(-row.fee_fen),
         "0.00", ""]
    )  # fmt: skip


def _alipay_moves(row: BillRow) -> list[tuple[str, int]]:
    sign = -1 if row.is_refund else 1
    words = [("交易退款" if row.is_refund else "在线支付", sign * row.amount_fen)]
    words.append(("收费" if row.fee_fen > 0 else "收费退回", -row.fee_fen))
    return [
        (
            ",".join(
                [f"{number}{row.txn}{row.refund_no}"[:32] + "\t", f"{row.txn}\t",
                 f"{row.out_trade_no}\t", "停车费\t", _stamp(row.at), "*水\t",
                 _yuan(max(fen, 0)), _yuan(min(fen, 0)), "0.00", "支付宝", word, ""]
            ),
            fen,
        )
        for number, (word, fen) in enumerate(words)
        if fen
    ]  # fmt: skip


def _archive(day: date, what: str, lines: Iterable[str]) -> bytes:
    """Pack with names in GBK and without the flag that says UTF-8, as Alipay does."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for suffix, said in (("", lines), ("(汇总)", [f"#支付宝{what}(汇总)查询"])):
            name = f"{ALIPAY_SELLER_ID}0156_{day:%Y%m%d}_{what}{suffix}.csv"
            info = _NamedInGbk(name, (2026, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, _text(said).encode("gbk", errors="replace"))
    return buffer.getvalue()


class _NamedInGbk(zipfile.ZipInfo):
    """A member whose name is written in GBK; the library itself knows UTF-8 alone."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802  the library's own name
        return self.filename.encode("gbk"), self.flag_bits & ~0x800


def _ticked(values: Iterable[str]) -> str:
    return ",".join(f"`{value}" for value in values)


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\r\n" for line in lines)


def _sum(rows: Iterable[BillRow]) -> str:
    return _yuan(sum(row.amount_fen for row in rows))


def _yuan(fen: int) -> str:
    return str((Decimal(fen) / 100).quantize(Decimal("0.01")))


def _stamp(at: datetime) -> str:
    return at.astimezone(CHINA).strftime(STAMP)
