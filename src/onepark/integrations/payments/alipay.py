"""Alipay, face to face: the payer scans a code.

Owns: five calls of the form gateway, the trade notices, and what Alipay's words mean in ours.
Never: acts on an answer or a notice that Alipay has not signed, or lets yuan pass as fen.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NoReturn, TypeVar
from urllib.parse import urlencode

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
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
from onepark.infra.clock import Clock
from onepark.infra.http_client import HttpClient, PeerUnavailable
from onepark.integrations.payments import alipay_refunds as refunds
from onepark.integrations.payments import alipay_wire as wire
from onepark.integrations.payments import keys
from onepark.integrations.payments.alipay_refunds import RefundNode
from onepark.integrations.payments.keys import Unproven
from onepark.integrations.payments.money import AmountMalformed, fen_of_yuan, yuan_of_fen
from onepark.kernel.types import CHINA

CURRENCY = "CNY"
SUBJECT_CHARS_MAX = 100
STAMP = "%Y-%m-%d %H:%M:%S"
FORM = "application/x-www-form-urlencoded;charset=utf-8"
TRADE_NOTICE = "trade_status_sync"
DONE = "10000"
TRY_AGAIN = frozenset({"10003", "20000"})
# The gateway turned the request away at its door; only such an answer may come unsigned.
DOOR_REFUSALS = frozenset({"20001", "40001", "40002", "40003", "40006"})
GONE = "ACQ.TRADE_NOT_EXIST"
OWN_FAULTS = frozenset({"ACQ.SYSTEM_ERROR", "aop.ACQ.SYSTEM_ERROR", "isp.unknow-error"})

STATES = {
    "WAIT_BUYER_PAY": TradeState.PENDING,
    "TRADE_SUCCESS": TradeState.SUCCESS,
    "TRADE_FINISHED": TradeState.SUCCESS,
    "TRADE_CLOSED": TradeState.CLOSED,
}


class Node(Struct, frozen=True):
    """What an answer says; which fields are there depends on the call."""

    code: str
    sub_code: str = ""
    out_trade_no: str | None = None
    qr_code: str | None = None
    trade_no: str | None = None
    trade_status: str | None = None
    total_amount: str | None = None
    send_pay_date: str | None = None
    bill_download_url: str | None = None


N = TypeVar("N", Node, RefundNode)


class AlipayChannel:
    """The port of payments over Alipay."""

    name = "alipay"
    terms = Terms()
    refund_gap = timedelta(seconds=3)

    def __init__(
        self,
        client: HttpClient,
        clock: Clock,
        *,
        base_url: str,
        app_id: str,
        seller_id: str,
        app_key: RSAPrivateKey,
        alipay_key: RSAPublicKey,
    ) -> None:
        self.merchant = seller_id
        self.app = app_id
        self._client = client
        self._clock = clock
        self.base_url = self._base_url = base_url
        self._app_key = app_key
        self._alipay_key = alipay_key

    async def create(self, request: PayRequest) -> PayInstruction:
        """Ask for a code; Alipay knows the trade only from the first scan on."""
        content = {
            "out_trade_no": request.out_trade_no,
            "total_amount": yuan_of_fen(request.amount_fen),
            "subject": request.description[:SUBJECT_CHARS_MAX],
            "seller_id": self.merchant,
            "time_expire": request.expires_at.astimezone(CHINA).strftime(STAMP),
        }
        node = await self._ask("precreate", content, kind=Node, notify_url=request.notify_url)
        if node.code != DONE or not node.qr_code:
            _decline(node)
        return PayInstruction("qr", node.qr_code)

    async def query(self, out_trade_no: str) -> TradeFact:
        """Ask what became of a trade; one that nobody has scanned yet is ABSENT."""
        node = await self._ask("query", {"out_trade_no": out_trade_no}, kind=Node)
        if node.sub_code == GONE:
            return TradeFact(out_trade_no, TradeState.ABSENT, self.merchant, self.app)
        if node.code != DONE:
            _decline(node)
        try:
            return self._fact(out_trade_no, node)
        except ValueError as error:
            raise ChannelUnavailable("Alipay told of a trade in unknown words.") from error

    async def close(self, out_trade_no: str) -> None:
        """Make a trade unpayable; one that is unknown is closed enough."""
        node = await self._ask("close", {"out_trade_no": out_trade_no}, kind=Node)
        if node.code != DONE and node.sub_code != GONE:
            _decline(node)

    async def refund(self, request: RefundRequest) -> RefundFact:
        """Ask for a refund; the same number with the same content is the same refund."""
        node = await self._ask("refund", refunds.content_of(request), kind=RefundNode)
        if node.code != DONE:
            _decline(node, later=refunds.LATER)
        try:
            return refunds.asked(node, request, merchant=self.merchant)
        except ValueError as error:
            raise ChannelUnavailable("Alipay told of a refund in unknown words.") from error

    async def query_refund(self, refund_no: str, *, out_trade_no: str) -> RefundFact:
        """Ask what became of a refund."""
        content = {"out_trade_no": out_trade_no, "out_request_no": refund_no}
        asked = content | {"query_options": ["gmt_refund_pay"]}
        node = await self._ask("fastpay.refund.query", asked, kind=RefundNode)
        if node.sub_code == GONE:
            return RefundFact(refund_no, out_trade_no, RefundWord.ABSENT, self.merchant)
        if node.code != DONE:
            _decline(node)
        try:
            return refunds.queried(node, refund_no, out_trade_no, merchant=self.merchant)
        except ValueError as error:
            raise ChannelUnavailable("Alipay told of a refund in unknown words.") from error

    def verify_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """Return what a notice says; nothing dates it, so its stamp is not asked for."""
        del headers, now  # a notice proves itself by its fields alone
        try:
            return _notice(wire.proven_notice(body, self._alipay_key))
        except Unproven as error:
            raise NoticeUnverified(str(error), reason=error.reason) from error

    def answer(self, verdict: NoticeVerdict) -> NoticeAnswer:
        """Say it in Alipay's one word: anything but ``success`` has it sent again."""
        status, body = ANSWERS[verdict]
        return NoticeAnswer(status, "text/plain", body)

    async def bill_url(self, bill_type: str, bill_date: str) -> str:
        """Ask where a bill is; the address lives for 30 seconds."""
        content = {"bill_type": bill_type, "bill_date": bill_date}
        node = await self._ask_of("data.dataservice.bill.downloadurl.query", content, kind=Node)
        if node.code != DONE or not node.bill_download_url:
            _decline(node)
        return node.bill_download_url

    def _fact(self, out_trade_no: str, node: Node) -> TradeFact:
        """Put the answer to a query into our words."""
        if node.out_trade_no != out_trade_no or node.trade_status not in STATES:
            raise ValueError("another trade or an unknown state")
        paid_at = _instant(node.send_pay_date)
        return TradeFact(
            out_trade_no=out_trade_no,
            state=_state(node.trade_status, paid=paid_at is not None),
            merchant=self.merchant,  # the gateway answers for the seller of the asking app only
            app=self.app,
            amount_fen=fen_of_yuan(node.total_amount or ""),
            currency=CURRENCY,
            provider_txn=node.trade_no,
            paid_at=paid_at,
        )

    async def _ask(
        self, call: str, content: Mapping[str, object], *, kind: type[N], notify_url: str = ""
    ) -> N:
        """Send one signed request about a trade."""
        return await self._ask_of(f"trade.{call}", content, kind=kind, notify_url=notify_url)

    async def _ask_of(
        self, call: str, content: Mapping[str, object], *, kind: type[N], notify_url: str = ""
    ) -> N:
        """Send one signed request and return an answer that Alipay has signed."""
        method = f"alipay.{call}"
        biz_content = json.dumps(content, ensure_ascii=False)
        fields = self._signed(method, biz_content, notify_url)
        try:
            answer = await self._client.request(
                "POST",
                f"{self._base_url}?{urlencode(fields)}",
                headers={"Content-Type": FORM, "User-Agent": "OnePark"},
                body=urlencode({"biz_content": biz_content}).encode(),
            )
        except PeerUnavailable as error:
            raise ChannelUnavailable("Alipay did not answer.") from error
        if answer.status != 200:  # noqa: PLR2004
            raise ChannelUnavailable(f"Alipay answered {answer.status}.")
        return self._believe(answer.body, f"{method.replace('.', '_')}_response", kind)

    def _signed(self, method: str, biz_content: str, notify_url: str) -> dict[str, str]:
        """Return the query of a request; its content travels in the body and is signed with it."""
        fields = {
            "app_id": self.app,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": wire.SCHEME,
            "timestamp": self._clock.now().astimezone(CHINA).strftime(STAMP),
            "version": "1.0",
        }
        if notify_url:
            fields["notify_url"] = notify_url
        text = wire.request_text({**fields, "biz_content": biz_content})
        return {**fields, "sign": keys.sign(self._app_key, text)}

    def _believe(self, body: bytes, name: str, kind: type[N]) -> N:
        """Pass only a signed answer; the gateway's refusal at the door may come unsigned."""
        try:
            raw, signature = wire.answer_node(body, name)
            node = msgspec.json.decode(raw, type=kind)
        except (Unproven, msgspec.DecodeError) as error:
            raise ChannelUnavailable("Alipay answered in a form that is not its own.") from error
        if not signature and node.code in DOOR_REFUSALS:
            _decline(node)
        if not keys.proves(self._alipay_key, signature, raw):
            raise ChannelUnavailable("An answer of Alipay proves nothing.")
        if node.code in TRY_AGAIN or node.sub_code in OWN_FAULTS:
            raise ChannelUnavailable(f"Alipay is unwell: {node.sub_code or node.code}")
        return node


ANSWERS = {
    NoticeVerdict.STORED: (200, b"success"),
    NoticeVerdict.REFUSED: (401, b"fail"),
    NoticeVerdict.UNAVAILABLE: (503, b"fail"),
}


def _notice(fields: Mapping[str, str]) -> Notice:
    """Read the proven fields of a notice."""
    event_key, event_type = fields.get("notify_id"), fields.get("notify_type")
    if not event_key or not event_type:
        raise Unproven("form", "The notice has no id or no type.")
    if event_type != TRADE_NOTICE:
        return Notice(event_key, event_type, None)
    try:
        return Notice(event_key, event_type, _fact_of_notice(fields), refunds.told(fields))
    except (KeyError, ValueError) as error:
        reason = "amount" if isinstance(error, AmountMalformed) else "form"
        raise Unproven(reason, "The notice speaks of a trade in unknown words.") from error


def _fact_of_notice(fields: Mapping[str, str]) -> TradeFact:
    paid_at = _instant(fields.get("gmt_payment"))
    return TradeFact(
        out_trade_no=fields["out_trade_no"],
        state=_state(fields["trade_status"], paid=paid_at is not None),
        merchant=fields["seller_id"],
        app=fields["app_id"],
        amount_fen=fen_of_yuan(fields["total_amount"]),
        currency=CURRENCY,
        provider_txn=fields["trade_no"],
        paid_at=paid_at,
    )


def _state(word: str, *, paid: bool) -> TradeState:
    """A trade that closed after it was paid was refunded: it was paid all the same."""
    state = STATES[word]
    return TradeState.SUCCESS if state is TradeState.CLOSED and paid else state


def _instant(text: str | None) -> datetime | None:
    """Read one of Alipay's times: China's wall clock, without an offset."""
    return datetime.strptime(text, STAMP).replace(tzinfo=CHINA) if text else None


def _decline(node: Node | RefundNode, *, later: frozenset[str] = frozenset()) -> NoReturn:
    code = node.sub_code or node.code
    if code in later:
        raise ChannelUnavailable(f"Alipay cannot do it now: {code}", provider_code=code)
    raise ChannelDeclined(f"Alipay declined: {code}", provider_code=code)
