"""The aggregator P云 (4PY): one link that WeChat, Alipay and others open.

Owns: four calls, its notices, and what its words mean in ours.
Never: sends its secret. Its answers bear no signature: what proves them is https alone.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NoReturn
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from onepark.contexts.payments.errors import (
    ChannelDeclined,
    ChannelUnavailable,
    NoticeUnverified,
)
from onepark.contexts.payments.model import (
    Notice,
    NoticeAnswer,
    NoticeVerdict,
    PayInstruction,
    PayRequest,
    RefundFact,
    RefundRequest,
    RefundWord,
    Terms,
    TradeFact,
    TradeState,
)
from onepark.infra.http_client import HttpAnswer, HttpClient, PeerUnavailable
from onepark.integrations.payments import forms
from onepark.integrations.payments import pyun_wire as wire
from onepark.integrations.payments.keys import Unproven
from onepark.integrations.payments.money import AmountMalformed, fen_of_text
from onepark.kernel.types import Fen

PREPARE = "/gate/1.0/payment/trade/prepare"
QUERY = "/gate/1.0/payment/trade/query"
REFUND = "/gate/1.0/payment/trade/refund"
JSON = "application/json;charset=utf-8"
NO_SUCH_REFUND = "1002"
FORM = "application/x-www-form-urlencoded;charset=utf-8"
DONE = "1001"
CURRENCY = "CNY"  # it has no other
NO_SUCH_TRADE = "未查询到订单"  # an error without a code of its own: only its sentence tells
ASK_AFTER = tuple(timedelta(seconds=s) for s in (5, 10, 20, 40, 80, 160, 320))
STATES = {"1": TradeState.SUCCESS, "0": TradeState.PENDING, "-1": TradeState.FAILED}
REFUND_WORDS = {"1": RefundWord.SUCCESS, "0": RefundWord.PROCESSING, "-1": RefundWord.CLOSED}

_MILLIS = re.compile(r"[0-9]{13}")


class RefundTold(Struct, frozen=True):
    """What an answer says of a refund."""

    order: str = ""
    merchant: str = ""
    refund_order: str = ""
    value: int | str | None = None
    process: int | str | None = None
    refund_time: datetime | None = None


class Reply(Struct, frozen=True):
    """What an answer says; which fields are there depends on the call."""

    code: str
    message: str = ""
    pay_url: str = ""
    merchant: str = ""
    pay_order: str = ""
    pay_serial: str = ""
    value: int | str | None = None
    status: int | str | None = None
    trade_time: datetime | None = None
    payload: RefundTold | None = None


class PyunChannel:
    """The port of payments over P云."""

    name = "pyun"
    terms = Terms(query_after=ASK_AFTER, closes=False)
    refund_gap = timedelta(0)

    def __init__(
        self,
        client: HttpClient,
        *,
        base_url: str,
        app_id: str,
        merchant: str,
        trade_scene: str,
        app_secret: str,
    ) -> None:
        self.app, self.merchant = app_id, merchant
        self._client, self._base_url = client, base_url
        self._trade_scene, self._app_secret = trade_scene, app_secret

    async def create(self, request: PayRequest) -> PayInstruction:
        """Ask for a link; the trade ends by itself when its time is over."""
        ends_at = request.expires_at.astimezone(UTC).replace(tzinfo=None)
        fields = {
            "pay_order": request.out_trade_no,
            "subject": request.description,
            "value": str(request.amount_fen),
            "notify_url": request.notify_url,
            "expire_time": f"{ends_at.isoformat(timespec='milliseconds')}Z",
            "trade_scene": self._trade_scene,
        }
        reply = await self._ask("POST", PREPARE, fields)
        if reply.code != DONE or not reply.pay_url:
            _decline(reply)
        return PayInstruction("qr", reply.pay_url)

    async def query(self, out_trade_no: str) -> TradeFact:
        """Ask what became of a trade."""
        reply = await self._ask("GET", QUERY, {"pay_order": out_trade_no})
        if reply.code != DONE and NO_SUCH_TRADE in reply.message:
            return TradeFact(out_trade_no, TradeState.ABSENT, self.merchant, self.app)
        if reply.code != DONE:
            _decline(reply)
        state = STATES.get(str(reply.status))
        if reply.pay_order != out_trade_no or state is None:
            raise ChannelUnavailable("P云 answered for another trade or in unknown words.")
        try:
            return self._fact(reply, state)
        except ValueError as error:
            raise ChannelUnavailable("P云 told of a trade in unknown words.") from error

    async def close(self, out_trade_no: str) -> None:
        """Leave a trade alone: it ends at the time that it was placed with."""
        del out_trade_no

    async def refund(self, request: RefundRequest) -> RefundFact:
        """Give back part of a trade, which P云 knows by the number it gave itself."""
        paid = await self.query(request.out_trade_no)
        if paid.provider_txn is None:
            raise ChannelDeclined("P云 knows no payment to give back from.")
        content = {
            "app_id": self.app,
            "order": request.refund_no,
            "pay_serial": paid.provider_txn,
            "value": str(request.amount_fen),
            "reason": request.reason,
        }
        body = msgspec.json.encode(content).decode()
        headers = {"Authorization": wire.sign_body(body, self._app_secret), "Content-Type": JSON}
        url = f"{self._base_url}{REFUND}"
        reply = await self._send("POST", url, headers=headers, body=body.encode())
        if reply.code != DONE:
            _decline(reply)
        return await self.query_refund(request.refund_no, out_trade_no=request.out_trade_no)

    async def query_refund(self, refund_no: str, *, out_trade_no: str) -> RefundFact:
        """Ask what became of a refund."""
        reply = await self._ask("GET", REFUND, {"order": refund_no})
        if reply.code == NO_SUCH_REFUND:
            return RefundFact(refund_no, out_trade_no, RefundWord.ABSENT, self.merchant)
        if reply.code != DONE:
            _decline(reply)
        told = reply.payload
        word = REFUND_WORDS.get(str(told.process)) if told is not None else None
        if told is None or word is None or told.order != refund_no:
            raise ChannelUnavailable("P云 answered for another refund or in unknown words.")
        return RefundFact(
            refund_no=refund_no,
            out_trade_no=out_trade_no,
            word=word,
            merchant=told.merchant,
            amount_fen=_amount(told.value),
            provider_refund=told.refund_order or None,
            refunded_at=told.refund_time if word is RefundWord.SUCCESS else None,
        )

    def verify_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """Return what a notice says; each state that is pushed is an event of its own."""
        del headers, now  # a notice proves itself by its fields alone
        try:
            fields = forms.read_text_form(body)
            wire.prove(fields, self._app_secret)
            return _notice(fields)
        except Unproven as error:
            raise NoticeUnverified(str(error), reason=error.reason) from error

    def answer(self, verdict: NoticeVerdict) -> NoticeAnswer:
        """Say it by its code: anything but 1001 has it sent again."""
        status, code, message = ANSWERS[verdict]
        body = msgspec.json.encode({"code": code, "message": message, "hint": ""})
        return NoticeAnswer(status, "application/json", body)

    def _fact(self, reply: Reply, state: TradeState) -> TradeFact:
        return TradeFact(
            out_trade_no=reply.pay_order,
            state=state,
            merchant=reply.merchant,
            app=self.app,  # the answer names none: it answers whom its secret names
            amount_fen=_amount(reply.value),
            currency=CURRENCY,
            provider_txn=reply.pay_serial or None,
            paid_at=reply.trade_time if state is TradeState.SUCCESS else None,
        )

    async def _ask(self, method: str, path: str, asked: Mapping[str, str]) -> Reply:
        """Send one signed form, in the query of a GET and in the body of a POST."""
        fields = {"app_id": self.app, "merchant": self.merchant, **asked}
        form = urlencode({**fields, "sign": wire.sign_form(fields, self._app_secret)})
        url, body = f"{self._base_url}{path}", form.encode()
        if method == "GET":
            url, body = f"{url}?{form}", b""
        return await self._send(method, url, headers={"Content-Type": FORM}, body=body)

    async def _send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        headers = {**headers, "User-Agent": "OnePark"}
        try:
            answer = await self._client.request(method, url, headers=headers, body=body)
        except PeerUnavailable as error:
            raise ChannelUnavailable("P云 did not answer.") from error
        return _read(answer)


ANSWERS = {
    NoticeVerdict.STORED: (200, "1001", "通知成功"),
    NoticeVerdict.REFUSED: (401, "401", "验签失败"),
    NoticeVerdict.UNAVAILABLE: (503, "500", "暂时不可用"),
}


def _notice(fields: Mapping[str, str]) -> Notice:
    """Read the proven fields of a notice."""
    try:
        state, told_at = STATES[fields["status"]], _instant(fields["trade_time"])
        fact = TradeFact(
            out_trade_no=fields["pay_order"],
            state=state,
            merchant=fields["merchant"],
            app=fields["app_id"],
            amount_fen=fen_of_text(fields["value"]),
            currency=CURRENCY,
            provider_txn=fields["pay_serial"] or None,
            paid_at=told_at if state is TradeState.SUCCESS else None,
        )
    except (KeyError, ValueError) as error:
        reason = "amount" if isinstance(error, AmountMalformed) else "form"
        raise Unproven(reason, "The notice speaks of a trade in unknown words.") from error
    event_key = f"{fields['pay_serial']}:{fields['status']}:{fields['trade_time']}"
    return Notice(event_key, f"trade:{fields['status']}", fact)


def _instant(millis: str) -> datetime:
    if _MILLIS.fullmatch(millis) is None:
        raise ValueError("no time in milliseconds")
    return datetime.fromtimestamp(int(millis) / 1000, UTC)


def _amount(value: int | str | None) -> Fen | None:
    return None if value is None else fen_of_text(str(value))


def _read(answer: HttpAnswer) -> Reply:
    if answer.status != 200:  # noqa: PLR2004
        raise ChannelUnavailable(f"P云 answered {answer.status}.")
    try:
        return msgspec.json.decode(answer.body, type=Reply)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ChannelUnavailable("P云 answered in a form that is not its own.") from error


def _decline(reply: Reply) -> NoReturn:
    raise ChannelDeclined(f"P云 declined: {reply.code}", provider_code=reply.code)
