"""WeChat Pay: the payer scans a code, goes to a page, or calls the app from one.

Owns: five calls of API v3, its notices, and what its words mean in ours.
Never: acts on an answer or a notice that no provider key has signed.
"""

import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, NoReturn, TypeVar
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Meta, Struct

from onepark.contexts.payments.errors import (
    ChannelDeclined,
    ChannelUnavailable,
    NoticeStale,
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
from onepark.infra.http_client import HttpAnswer, HttpClient, PeerUnavailable
from onepark.integrations.payments import wechat_pages as pages
from onepark.integrations.payments import wechat_refunds as refunds
from onepark.integrations.payments import wechat_wire as wire
from onepark.integrations.payments.keys import Unproven
from onepark.integrations.payments.wechat_refunds import WechatRefund
from onepark.integrations.payments.wechat_wire import MerchantKeys, Resource, SignedRequest
from onepark.kernel.types import CHINA, Fen

T = TypeVar("T")
Instant = Annotated[datetime, Meta(tz=True)]
WholeFen = Annotated[int, Meta(ge=0)]

CURRENCY = "CNY"
DESCRIPTION_BYTES_MAX = 127
UNSIGNED_REFUSALS = frozenset({401})  # an answer to a signature that WeChat did not accept
TOO_BUSY = 429
SERVER_FAULTS = 500
TRADE_EVENTS = frozenset({"TRANSACTION.SUCCESS", "TRANSACTION.FAIL"})
GONE = frozenset({"ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS"})
CLOSED_ALREADY = frozenset({"ORDER_CLOSED", "ORDERCLOSED"})

STATES = {
    "SUCCESS": TradeState.SUCCESS,
    "REFUND": TradeState.SUCCESS,  # it was paid; a refund is a fact of its own
    "NOTPAY": TradeState.PENDING,
    "USERPAYING": TradeState.PENDING,
    "ACCEPTED": TradeState.PENDING,
    "CLOSED": TradeState.CLOSED,
    "REVOKED": TradeState.CLOSED,
    "PAYERROR": TradeState.FAILED,
    "PAY_FAIL": TradeState.FAILED,
}


class Amount(Struct, frozen=True):
    total: WholeFen
    currency: str = CURRENCY


class Trade(Struct, frozen=True):
    """A trade as an answer or an unsealed notice tells it."""

    mchid: str
    out_trade_no: str
    trade_state: str
    appid: str | None = None
    transaction_id: str | None = None
    success_time: Instant | None = None
    amount: Amount | None = None


class Event(Struct, frozen=True):
    """A notice as it comes."""

    id: str
    event_type: str
    resource: Resource


class Declined(Struct, frozen=True):
    code: str
    message: str = ""


class WechatChannel:
    """The port of payments over WeChat Pay."""

    name = "wechat"
    terms = Terms(kinds=tuple(pages.PLACE))
    refund_gap = timedelta(minutes=1)

    def __init__(
        self,
        client: HttpClient,
        clock: Clock,
        *,
        base_url: str,
        mchid: str,
        appid: str,
        held: MerchantKeys,
        answer_serial: str,
    ) -> None:
        self.merchant = mchid
        self.app = appid
        self._client = client
        self._clock = clock
        self.base_url = self._base_url = base_url
        self._base_path = urlsplit(base_url).path
        self._held = held
        self._answer_serial = answer_serial

    async def create(self, request: PayRequest) -> PayInstruction:
        """Place an order; the same number with the same content is answered alike."""
        body = {
            "appid": self.app,
            "mchid": self.merchant,
            "description": _cut(request.description),
            "out_trade_no": request.out_trade_no,
            "time_expire": request.expires_at.astimezone(CHINA).isoformat(timespec="seconds"),
            "notify_url": request.notify_url,
            "amount": {"total": request.amount_fen, "currency": CURRENCY},
            **pages.of_payer(request),
        }
        answer = await self._ask("POST", pages.PLACE[request.kind], body)
        if answer.status != 200:  # noqa: PLR2004
            _decline(answer)
        placed = _read(answer, pages.Placed)
        return pages.handed(
            request.kind, placed, appid=self.app, key=self._held.merchant_key, at=self._clock.now()
        )

    async def query(self, out_trade_no: str) -> TradeFact:
        """Ask what became of a trade."""
        answer = await self._ask("GET", f"{_trade(out_trade_no)}?mchid={quote(self.merchant)}")
        if answer.status == 404 and _read(answer, Declined).code in GONE:  # noqa: PLR2004
            return TradeFact(out_trade_no, TradeState.ABSENT, self.merchant, self.app)
        if answer.status != 200:  # noqa: PLR2004
            _decline(answer)
        fact = _fact(_read(answer, Trade))
        if fact is None or fact.out_trade_no != out_trade_no:
            raise ChannelUnavailable("WeChat Pay answered for another trade or in unknown words.")
        return fact

    async def close(self, out_trade_no: str) -> None:
        """Make a trade unpayable; one that is closed or unknown is closed enough."""
        answer = await self._ask("POST", f"{_trade(out_trade_no)}/close", {"mchid": self.merchant})
        if answer.status in {200, 204}:
            return
        if _read(answer, Declined).code not in GONE | CLOSED_ALREADY:
            _decline(answer)

    async def refund(self, request: RefundRequest) -> RefundFact:
        """Ask for a refund; the same number with the same content is the same refund."""
        answer = await self._ask("POST", refunds.REFUNDS, refunds.body_of(request))
        if answer.status != 200:  # noqa: PLR2004
            _decline(answer, later=refunds.LATER)
        return self._refund_fact(answer, request.refund_no)

    async def query_refund(self, refund_no: str, *, out_trade_no: str) -> RefundFact:
        """Ask what became of a refund."""
        answer = await self._ask("GET", f"{refunds.REFUNDS}/{quote(refund_no, safe='')}")
        if answer.status == 404 and _read(answer, Declined).code in GONE:  # noqa: PLR2004
            return RefundFact(refund_no, out_trade_no, RefundWord.ABSENT, self.merchant)
        if answer.status != 200:  # noqa: PLR2004
            _decline(answer)
        return self._refund_fact(answer, refund_no)

    def verify_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """Return what a notice says, believing nothing before its signature."""
        try:
            stamp_at = wire.signed_at(headers, body, ring=self._held.ring, now=now)
            event, trade, refund = self._open(body)
        except Unproven as error:
            raise NoticeUnverified(str(error), reason=error.reason) from error
        told = trade or refund
        if not wire.is_fresh(stamp_at, now):
            raise NoticeStale(
                "The notice is rightly signed but outside the window.",
                out_trade_no=told.out_trade_no if told else None,
                reason="stale",
            )
        fact = _fact(trade) if trade else None
        return Notice(event.id, event.event_type, fact, refund)

    def answer(self, verdict: NoticeVerdict) -> NoticeAnswer:
        """Say it in WeChat's words: anything but 200 and 204 has it sent again."""
        status, code, message = ANSWERS[verdict]
        body = json.dumps({"code": code, "message": message}, ensure_ascii=False).encode()
        return NoticeAnswer(status, "application/json", body)

    async def ask(self, path: str) -> HttpAnswer:
        """Ask WeChat Pay of something else, such as a bill; only a signed answer passes."""
        return await self._ask("GET", path)

    def signed_headers(self, target: str) -> dict[str, str]:
        """Return the headers of a download, whose answer bears no signature."""
        return self._headers(SignedRequest("GET", target, b""))

    def _open(self, body: bytes) -> tuple[Event, Trade | None, RefundFact | None]:
        """Read a proven body and, for an event that we act on, what is sealed in it."""
        try:
            event = msgspec.json.decode(body, type=Event)
            if event.event_type not in TRADE_EVENTS | refunds.EVENTS:
                return event, None, None
            plain = wire.unseal(event.resource, self._held.api_v3_key)
            if event.event_type in refunds.EVENTS:
                told = msgspec.json.decode(plain, type=WechatRefund)
                return event, None, _known(refunds.fact_of(told, merchant=""))
            trade = msgspec.json.decode(plain, type=Trade)
        except msgspec.DecodeError as error:
            raise Unproven("form", "The notice has not the form of one.") from error
        _known(_fact(trade))
        return event, trade, None

    def _refund_fact(self, answer: HttpAnswer, refund_no: str) -> RefundFact:
        fact = refunds.fact_of(_read(answer, WechatRefund), merchant=self.merchant)
        if fact is None or fact.refund_no != refund_no:
            raise ChannelUnavailable("WeChat Pay answered for another refund or in unknown words.")
        return fact

    async def _ask(
        self, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> HttpAnswer:
        """Send one signed request and return an answer that WeChat has signed."""
        raw = json.dumps(body, ensure_ascii=False).encode() if body is not None else b""
        request = SignedRequest(method, self._base_path + path, raw)
        try:
            answer = await self._client.request(
                method, self._base_url + path, headers=self._headers(request), body=raw
            )
        except PeerUnavailable as error:
            raise ChannelUnavailable("WeChat Pay did not answer.") from error
        self._believe(answer)
        return answer

    def _headers(self, request: SignedRequest) -> dict[str, str]:
        return {
            "Authorization": wire.authorization(
                self._held,
                request,
                mchid=self.merchant,
                nonce=secrets.token_hex(16),
                at=self._clock.now(),
            ),
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": "OnePark",
            "Wechatpay-Serial": self._answer_serial,
        }

    def _believe(self, answer: HttpAnswer) -> None:
        """Pass only a signed, fresh answer; a refused request signature is answered unsigned."""
        if answer.status in UNSIGNED_REFUSALS:
            _decline(answer)
        if answer.status == TOO_BUSY or answer.status >= SERVER_FAULTS:
            raise ChannelUnavailable(f"WeChat Pay answered {answer.status}.")
        now = self._clock.now()
        try:
            stamp_at = wire.signed_at(answer.headers, answer.body, ring=self._held.ring, now=now)
        except Unproven as error:
            raise ChannelUnavailable(f"An answer proves nothing: {error}") from error
        if not wire.is_fresh(stamp_at, now):
            raise ChannelUnavailable("An answer is outside the window.")


ANSWERS = {
    NoticeVerdict.STORED: (200, "SUCCESS", "成功"),
    NoticeVerdict.REFUSED: (401, "FAIL", "验签失败"),
    NoticeVerdict.UNAVAILABLE: (503, "FAIL", "暂时不可用"),
}


def _fact(trade: Trade) -> TradeFact | None:
    """Put a trade into our words; None when its state is a word we do not know."""
    state = STATES.get(trade.trade_state)
    if state is None:
        return None
    return TradeFact(
        out_trade_no=trade.out_trade_no,
        state=state,
        merchant=trade.mchid,
        app=trade.appid,
        amount_fen=Fen(trade.amount.total) if trade.amount else None,
        currency=trade.amount.currency if trade.amount else None,
        provider_txn=trade.transaction_id,
        paid_at=trade.success_time,
    )


def _known(fact: T | None) -> T:
    if fact is None:
        raise Unproven("form", "The notice speaks in unknown words.")
    return fact


def _read(answer: HttpAnswer, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ChannelUnavailable("WeChat Pay answered in a form that is not its own.") from error


def _decline(answer: HttpAnswer, *, later: frozenset[str] = frozenset()) -> NoReturn:
    """Pass a refusal on with WeChat's code; its message may name what a client need not see."""
    declined = _read(answer, Declined)
    if declined.code in later:
        reason = f"WeChat Pay cannot do it now: {declined.code}"
        raise ChannelUnavailable(reason, provider_code=declined.code)
    raise ChannelDeclined(f"WeChat Pay declined: {declined.code}", provider_code=declined.code)


def _trade(out_trade_no: str) -> str:
    return f"/v3/pay/transactions/out-trade-no/{quote(out_trade_no, safe='')}"


def _cut(description: str) -> str:
    """Cut to the bytes that WeChat takes, never through a character."""
    return description.encode()[:DESCRIPTION_BYTES_MAX].decode(errors="ignore")
