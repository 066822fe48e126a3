"""Alipay's side of the form gateway.

Owns: checking an app's signature, three calls, signed answers and signed notices.
Never: knows a trade that nobody has scanned yet; a payer scans in the moment he pays.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from msgspec import Meta, Struct

from onepark.infra.clock import Clock
from onepark.kernel.types import CHINA
from onepark.simulator.providers.courier import Courier
from onepark.simulator.providers.keys import ALIPAY_APP_ID, ALIPAY_SELLER_ID, Keys
from onepark.simulator.providers.refunds import Refund, RefundState
from onepark.simulator.providers.trades import (
    Behaviour,
    Book,
    BookFull,
    NumberReused,
    Order,
    Provider,
    State,
    Trade,
)
from onepark.simulator.providers.wire import Call, Parcel, Reply, broken, rsa_fits, rsa_sign

T = TypeVar("T")
HOST = "_host"  # beside the fields of a call: where it came in
CallOfApp = Callable[[Mapping[str, str]], Awaitable[dict[str, str]]]

STALE_BY = timedelta(minutes=6)
STAMP = "%Y-%m-%d %H:%M:%S"
# The real times, 4 min to 15 h, 480 times faster and at most a minute.
REAL_RESEND_S = (240, 600, 600, 3600, 7200, 21600, 54000)

NumberText = Annotated[str, Meta(pattern=r"^[0-9A-Za-z_\-]{1,64}$")]
YuanText = Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]{0,8})(\.[0-9]{1,2})?$")]
StampText = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$")]

_URL = re.compile(r"https?://[^?#]+")


class Refused(Exception):
    """A call that is answered in the gateway's error form."""

    def __init__(self, code: str, sub_code: str, sub_msg: str) -> None:
        super().__init__(sub_code)
        message = {"40004": "Business Failed", "20000": "Service Currently Unavailable"}
        self.node = {
            "code": code,
            "msg": message.get(code, "Invalid Arguments"),
            "sub_code": sub_code,
            "sub_msg": sub_msg,
        }


class Precreate(Struct, frozen=True):
    out_trade_no: NumberText
    total_amount: YuanText
    subject: Annotated[str, Meta(min_length=1, max_length=256)]
    time_expire: StampText
    seller_id: str = ALIPAY_SELLER_ID


class OfTrade(Struct, frozen=True):
    out_trade_no: NumberText


class AlipayWords:
    """How Alipay writes notices."""

    resend_after_s = tuple(min(each / 480, 60.0) for each in REAL_RESEND_S)

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def parcel(self, trade: Trade, behaviour: Behaviour, now: datetime) -> Parcel:
        """Write and sign one notice; there is no serial, so a wrong key stands for one."""
        return self._signed(_notice_fields(trade, behaviour, now), behaviour)

    def refund_parcel(
        self, trade: Trade, refund: Refund, *, behaviour: Behaviour, now: datetime
    ) -> Parcel | None:
        """Write and sign the notice of a trade of which money went back; of no other end."""
        if refund.state is not RefundState.SUCCESS:
            return None
        return self._signed(_refund_fields(trade, refund, behaviour, now), behaviour)

    def _signed(self, fields: Mapping[str, str], behaviour: Behaviour) -> Parcel:
        key = self._keys.wechat_plain if behaviour.wrong_serial else self._keys.alipay
        signature = rsa_sign(key, _text(fields))
        form = {
            **fields,
            "sign_type": "RSA2",
            "sign": broken(signature) if behaviour.bad_signature else signature,
        }
        content_type = "application/x-www-form-urlencoded; charset=utf-8"
        return Parcel({"Content-Type": content_type}, urlencode(form).encode())

    def is_acknowledged(self, status: int, body: bytes) -> bool:
        """Only these seven bytes will do."""
        return status == 200 and body == b"success"  # noqa: PLR2004


class AlipayDesk:
    """Takes an app's calls."""

    def __init__(
        self,
        keys: Keys,
        clock: Clock,
        *,
        book: Book,
        courier: Courier,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._book = book
        self._courier = courier
        self._calls: dict[str, CallOfApp] = {
            "alipay.trade.precreate": self._precreate,
            "alipay.trade.query": self._query,
            "alipay.trade.close": self._close,
        }

    def take_calls(self, calls: Mapping[str, CallOfApp]) -> None:
        """Take further calls of an app, which others answer."""
        self._calls.update(calls)

    async def gateway(self, call: Call) -> Reply:
        """POST /gateway.do: which call it is stands in the form."""
        given: dict[str, str] = {}
        try:
            given = _fields(call)
            self._check(given)
            given[HOST] = f"http://{call.headers.get('host', '127.0.0.1')}"
            node: Mapping[str, str] = {"code": "10000", "msg": "Success", **await self._do(given)}
        except Refused as refused:
            node = refused.node
        return self._answer(given.get("method", ""), node)

    async def _do(self, given: Mapping[str, str]) -> dict[str, str]:
        work = self._calls.get(given.get("method", ""))
        if work is None:
            raise Refused("40002", "isv.invalid-method", "不存在的方法名")
        return await work(given)

    async def _precreate(self, given: Mapping[str, str]) -> dict[str, str]:
        asked = decode(given, Precreate)
        if _URL.fullmatch(given.get("notify_url", "")) is None:
            raise Refused("40002", "isv.invalid-parameter", "notify_url 无效")
        if asked.seller_id != ALIPAY_SELLER_ID:
            raise Refused("40004", "ACQ.INVALID_PARAMETER", "seller_id 无效")
        now = self._clock.now()
        order = Order(
            provider=Provider.ALIPAY,
            out_trade_no=asked.out_trade_no,
            amount_fen=fen(asked.total_amount),
            description=asked.subject,
            notify_url=given["notify_url"],
            expires_at=_china_time(asked.time_expire),
        )
        if order.amount_fen < 1 or order.expires_at <= now:
            raise Refused("40004", "ACQ.INVALID_PARAMETER", "金额或过期时间无效")
        trade = await self._book_order(order, now)
        return {"out_trade_no": asked.out_trade_no, "qr_code": trade.code_url}

    async def _book_order(self, order: Order, now: datetime) -> Trade:
        """Book an order once; the same again is answered alike while it can be paid."""
        try:
            trade, is_new = self._book.place(order, now)
        except NumberReused:
            raise Refused("40004", "ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改") from None
        except BookFull:
            raise Refused("20000", "ACQ.SYSTEM_ERROR", "系统繁忙") from None
        if is_new:
            await self._courier.take(trade)
        elif trade.state is not State.WAITING:
            word = "HAS_SUCCESS" if trade.state is State.PAID else "HAS_CLOSE"
            raise Refused("40004", f"ACQ.TRADE_{word}", "交易已支付或已关闭")
        return trade

    async def _query(self, given: Mapping[str, str]) -> dict[str, str]:
        trade = self._scanned(decode(given, OfTrade).out_trade_no)
        whole = self._back_fen(trade) == trade.order.amount_fen
        return {
            "out_trade_no": trade.order.out_trade_no,
            "trade_no": trade.provider_txn,
            "trade_status": "TRADE_CLOSED" if whole else "TRADE_SUCCESS",
            "total_amount": yuan(trade.order.amount_fen),
            "buyer_logon_id": "sim***@example.com",
            "send_pay_date": stamp(trade.paid_at or trade.created_at),
        }

    async def _close(self, given: Mapping[str, str]) -> dict[str, str]:
        self._scanned(decode(given, OfTrade).out_trade_no)
        raise Refused("40004", "ACQ.TRADE_STATUS_ERROR", "交易状态不合法")

    def _back_fen(self, trade: Trade) -> int:
        """Return what went back of a trade."""
        del trade
        return 0

    def _scanned(self, out_trade_no: str) -> Trade:
        """Return a trade that Alipay knows of: one that was paid."""
        trade = self._book.get(Provider.ALIPAY, out_trade_no, now=self._clock.now())
        if trade is None or trade.state is not State.PAID:
            raise Refused("40004", "ACQ.TRADE_NOT_EXIST", "交易不存在")
        return trade

    def _check(self, given: Mapping[str, str]) -> None:
        """Refuse a call that our one app did not sign."""
        if given.get("app_id") != ALIPAY_APP_ID:
            raise Refused("40002", "isv.invalid-app-id", "无效的AppID参数")
        fixed = {"sign_type": "RSA2", "charset": "utf-8", "version": "1.0"}
        is_fixed = all(given.get(name) == value for name, value in fixed.items())
        if not is_fixed or given.get("format", "JSON") != "JSON":  # an app may leave it out
            raise Refused("40002", "isv.invalid-parameter", "公共参数无效")
        signed = {name: value for name, value in given.items() if name != "sign"}
        if not rsa_fits(self._keys.alipay_app, _text(signed), given.get("sign", "")):
            raise Refused("40002", "isv.invalid-signature", "验签出错")

    def _answer(self, method: str, node: Mapping[str, str]) -> Reply:
        """Sign an answer; to an app that is unknown the gateway answers unsigned."""
        raw = json.dumps(node, ensure_ascii=False, separators=(",", ":"))
        name = f"{method.replace('.', '_')}_response" if method in self._calls else "error_response"
        if node.get("sub_code") == "isv.invalid-app-id":
            return Reply(200, f'{{"{name}":{raw}}}'.encode())
        signature = rsa_sign(self._keys.alipay, raw.encode())
        return Reply(200, f'{{"{name}":{raw},"sign":"{signature}"}}'.encode())


def _notice_fields(trade: Trade, behaviour: Behaviour, now: datetime) -> dict[str, str]:
    told_at = now - STALE_BY if behaviour.stale_stamp else now
    paid_at = trade.paid_at or now
    total = yuan(trade.order.amount_fen + (1 if behaviour.wrong_amount else 0))
    return {
        "notify_time": stamp(told_at),
        "notify_type": "trade_status_sync",
        "notify_id": trade.event_id,
        "charset": "utf-8",
        "version": "1.0",
        "app_id": ALIPAY_APP_ID,
        "auth_app_id": ALIPAY_APP_ID,
        "trade_no": trade.provider_txn,
        "out_trade_no": trade.order.out_trade_no,
        "trade_status": "TRADE_SUCCESS",
        "total_amount": total,
        "receipt_amount": total,
        "buyer_pay_amount": total,
        "invoice_amount": total,
        "point_amount": "0.00",
        "seller_id": ALIPAY_SELLER_ID,
        "buyer_id": "2088000000000002",
        "subject": trade.order.description,
        "body": "",
        "fund_bill_list": json.dumps([{"amount": total, "fundChannel": "ALIPAYACCOUNT"}]),
        "gmt_create": stamp(trade.created_at),
        "gmt_payment": stamp(paid_at),
    }


def _refund_fields(
    trade: Trade, refund: Refund, behaviour: Behaviour, now: datetime
) -> dict[str, str]:
    """Return the trade as it is told again: with all that went back so far, and the last number."""
    more_fen = 1 if behaviour.wrong_amount else 0
    whole = refund.so_far_fen == trade.order.amount_fen
    return {
        **_notice_fields(trade, behaviour, now),
        "notify_id": refund.event_id,
        "trade_status": "TRADE_CLOSED" if whole else "TRADE_SUCCESS",
        "refund_fee": yuan(refund.so_far_fen + more_fen),
        "out_biz_no": refund.order.refund_no,
        "gmt_refund": f"{stamp(refund.ended_at or now)}.000",
    }


def _fields(call: Call) -> dict[str, str]:
    """Read the query and the body as one form."""
    try:
        parts = (urlsplit(call.target).query, call.body.decode())
        pairs = [
            pair
            for part in parts
            if part
            for pair in parse_qsl(part, keep_blank_values=True, strict_parsing=True)
        ]
    except ValueError as error:
        raise Refused("40002", "isv.invalid-parameter", "表单无效") from error
    if len(dict(pairs)) != len(pairs):
        raise Refused("40002", "isv.invalid-parameter", "参数重复")
    return dict(pairs)


def _text(fields: Mapping[str, str]) -> bytes:
    return "&".join(f"{key}={fields[key]}" for key in sorted(fields) if fields[key]).encode()


def decode(given: Mapping[str, str], kind: type[T]) -> T:
    """Read the content of a call, or refuse it in the gateway's words."""
    try:
        return msgspec.json.decode(given.get("biz_content", ""), type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Refused("40004", "ACQ.INVALID_PARAMETER", f"参数无效: {error}") from error


def fen(text: str) -> int:
    """Read yuan as fen."""
    return int(Decimal(text) * 100)


def yuan(amount_fen: int) -> str:
    """Write fen as yuan."""
    return str((Decimal(amount_fen) / 100).quantize(Decimal("0.01")))


def stamp(at: datetime) -> str:
    """Write an instant as Alipay does."""
    return at.astimezone(CHINA).strftime(STAMP)


def _china_time(text: str) -> datetime:
    try:
        return datetime.strptime(text, STAMP).replace(tzinfo=CHINA)
    except ValueError as error:
        raise Refused("40004", "ACQ.INVALID_PARAMETER", "time_expire 无效") from error
