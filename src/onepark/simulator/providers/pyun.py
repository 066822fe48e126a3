"""The side of the aggregator P云.

Owns: checking an app's signature, links and queries, and signed notices.
Never: signs an answer: it signs none.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode, urlsplit

from onepark.infra.clock import Clock
from onepark.simulator.providers.acquirer_keys import PYUN_APP_ID, PYUN_MERCHANT, AcquirerKeys
from onepark.simulator.providers.acquirer_refunds import NothingToGiveBack, Refunds
from onepark.simulator.providers.courier import Courier
from onepark.simulator.providers.refunds import Refund, RefundBook, RefundState
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
from onepark.simulator.providers.wire import Call, Parcel, Reply

REAL_RESEND_S = (15, 30, 60, 300, 600)  # how often it repeats is not written: until it hears 1001

_AMOUNT = re.compile(r"[1-9][0-9]{0,9}")
_URL = re.compile(r"https?://[^?#]+")
_PROCESS = {
    RefundState.PROCESSING: 0,
    RefundState.SUCCESS: 1,
    RefundState.ABNORMAL: -1,
    RefundState.CLOSED: -1,
}
_STATUS = {State.WAITING: 0, State.PAID: 1, State.CLOSED: -1}


class Refused(Exception):
    """A call that is answered with a code of its own."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.body = {"code": code, "message": message}


class PyunWords:
    """How P云 writes notices."""

    resend_after_s = tuple(each / 30 for each in REAL_RESEND_S)

    def __init__(self, keys: AcquirerKeys) -> None:
        self._keys = keys

    def parcel(self, trade: Trade, behaviour: Behaviour, now: datetime) -> Parcel:
        """Write and sign one notice; there is no serial, so a wrong secret stands for one."""
        paid_at = trade.paid_at or now
        fields = {
            "app_id": PYUN_APP_ID,
            "merchant": PYUN_MERCHANT,
            "pay_order": trade.order.out_trade_no,
            "channel": "200201",
            "pay_serial": trade.provider_txn,
            "value": str(trade.order.amount_fen + (1 if behaviour.wrong_amount else 0)),
            "status": "1",
            "trade_time": str(int(paid_at.timestamp() * 1000)),
            "pay_mode": "2",
            "pay_mode_desc": "微信",
            "fee": "0",
        }
        secret = "nobody's" if behaviour.wrong_serial else self._keys.pyun_secret
        sign = _sign(fields, secret)
        fields["sign"] = sign[::-1] if behaviour.bad_signature else sign
        content_type = "application/x-www-form-urlencoded; charset=utf-8"
        return Parcel({"Content-Type": content_type}, urlencode(fields).encode())

    def refund_parcel(
        self, trade: Trade, refund: Refund, *, behaviour: Behaviour, now: datetime
    ) -> None:
        """Tell nobody: a merchant asks."""

    def is_acknowledged(self, status: int, body: bytes) -> bool:
        """Only this code will do."""
        try:
            said = json.loads(body)
        except ValueError:
            return False
        return status == 200 and isinstance(said, dict) and said.get("code") == "1001"  # noqa: PLR2004


class PyunDesk:
    """Takes an app's calls."""

    def __init__(
        self, keys: AcquirerKeys, clock: Clock, *, book: Book, refunds: RefundBook, courier: Courier
    ) -> None:
        self._keys, self._clock, self._book, self._courier = keys, clock, book, courier
        self._refunds = Refunds(refunds, courier)

    async def prepare(self, call: Call) -> Reply:
        """POST …/trade/prepare: a link to pay at."""
        try:
            given = self._checked(call.body.decode())
            trade = await self._place(given)
            return _answer({"code": "1001", "pay_url": trade.code_url, "pay_id": trade.event_id})
        except Refused as refused:
            return _answer(refused.body)

    async def query(self, call: Call) -> Reply:
        """GET …/trade/query."""
        try:
            given = self._checked(urlsplit(call.target).query)
            trade = self._find(given.get("pay_order", ""))
            return _answer({"code": "1001", **_of_trade(trade)})
        except Refused as refused:
            return _answer(refused.body)

    def _find(self, number: str) -> Trade:
        trade = self._book.get(Provider.PYUN, number, now=self._clock.now())
        if trade is None:
            raise Refused("500", "未查询到订单记录")
        return trade

    async def _place(self, given: Mapping[str, str]) -> Trade:
        if (
            _AMOUNT.fullmatch(given.get("value", "")) is None
            or _URL.fullmatch(given.get("notify_url", "")) is None
            or not given.get("trade_scene")
        ):
            raise Refused("400", "请求参数错误")
        order = Order(
            provider=Provider.PYUN,
            out_trade_no=given.get("pay_order", ""),
            amount_fen=int(given["value"]),
            description=given.get("subject", ""),
            notify_url=given["notify_url"],
            expires_at=_instant(given.get("expire_time", "")),
        )
        try:
            trade, is_new = self._book.place(order, self._clock.now())
        except NumberReused:
            raise Refused("500", "订单号已存在") from None
        except BookFull:
            raise Refused("503", "系统繁忙") from None
        if is_new:
            self._refunds.know(trade)
            await self._courier.take(trade)
        return trade

    async def refund(self, call: Call) -> Reply:
        """POST …/trade/refund: JSON, its signature in a header."""
        try:
            return _answer({"code": "1001", **await self._give_back(call)})
        except Refused as refused:
            return _answer(refused.body)

    async def _give_back(self, call: Call) -> dict[str, object]:
        asked = self._checked_body(call)
        try:
            trade = self._refunds.trade(str(asked.get("pay_serial")))
            number, amount_fen = str(asked.get("order")), int(str(asked.get("value")))
            refund = await self._refunds.ask(trade, number, amount_fen, at=self._clock.now())
        except NothingToGiveBack as error:
            raise Refused("1405", f"[INVALID_REQUEST]{error}") from error
        return {"payload": _of_refund(refund)}

    async def query_refund(self, call: Call) -> Reply:
        """GET …/trade/refund."""
        try:
            given = self._checked(urlsplit(call.target).query)
            known = self._refunds.find(given.get("order", ""))
            if known is None:
                return _answer({"code": "1002", "message": "退款订单不存在"})
            return _answer({"code": "1001", "payload": _of_refund(known[1])})
        except Refused as refused:
            return _answer(refused.body)

    def _checked_body(self, call: Call) -> dict[str, object]:
        """Return a JSON body that our one app signed."""
        signed = call.body + f"&app_secret={self._keys.pyun_secret}".encode()
        sign = hashlib.md5(signed, usedforsecurity=False).hexdigest().upper()
        if call.headers.get("authorization") != sign:
            raise Refused("401", "签名错误")
        asked: dict[str, object] = json.loads(call.body)
        return asked

    def _checked(self, form: str) -> dict[str, str]:
        """Return the fields of a form that our one app signed."""
        given = dict(parse_qsl(form, keep_blank_values=True))
        if (given.get("app_id"), given.get("merchant")) != (PYUN_APP_ID, PYUN_MERCHANT):
            raise Refused("1403", "应用权限错误")
        if _sign(given, self._keys.pyun_secret) != given.get("sign"):
            raise Refused("401", "签名错误")
        return given


def _of_trade(trade: Trade) -> dict[str, object]:
    told: dict[str, object] = {
        "merchant": PYUN_MERCHANT,
        "pay_order": trade.order.out_trade_no,
        "pay_serial": trade.provider_txn,
        "value": trade.order.amount_fen,
        "status": _STATUS[trade.state],
    }
    if trade.paid_at is not None:
        millis = trade.paid_at.astimezone(UTC).replace(tzinfo=None).isoformat("T", "milliseconds")
        told["trade_time"] = f"{millis}Z"
    return told


def _of_refund(refund: Refund) -> dict[str, object]:
    told: dict[str, object] = {
        "merchant": PYUN_MERCHANT,
        "order": refund.order.refund_no,
        "refund_order": refund.provider_refund,
        "value": refund.order.amount_fen,
        "process": _PROCESS[refund.state],
    }
    if refund.ended_at is not None:
        ended_at = refund.ended_at.astimezone(UTC).replace(tzinfo=None)
        told["refund_time"] = f"{ended_at.isoformat('T', 'milliseconds')}Z"
    return told


def _sign(fields: Mapping[str, str], secret: str) -> str:
    names = sorted(name for name in fields if name != "sign" and fields[name])
    text = "&".join([*(f"{name}={fields[name]}" for name in names), f"app_secret={secret}"])
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().upper()


def _answer(body: Mapping[str, object]) -> Reply:
    return Reply(200, json.dumps({"seqno": "0", **body}, ensure_ascii=False).encode())


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused("400", "expire_time 无效") from error
