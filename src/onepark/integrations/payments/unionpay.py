"""UnionPay 5.1.0: the payer scans a code.

Owns: three calls of the gateway, its notices, and what its words mean in ours.
Never: lets a notice move money: it is why UnionPay is asked. Trades cannot be closed; they end.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

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
from onepark.contexts.payments.numbers import made_at
from onepark.infra.clock import Clock
from onepark.infra.http_client import HttpClient, PeerUnavailable
from onepark.integrations.payments import forms
from onepark.integrations.payments import unionpay_wire as wire
from onepark.integrations.payments.chains import Trust
from onepark.integrations.payments.keys import Unproven
from onepark.integrations.payments.money import AmountMalformed, fen_of_text
from onepark.kernel.types import CHINA

GATEWAY = "/gateway/api/backTransReq.do"
STAMP = "%Y%m%d%H%M%S"
RENMINBI = "156"
FORM = "application/x-www-form-urlencoded;charset=utf-8"
PURCHASE, QUERY, REFUND = "01", "00", "04"
DONE = frozenset({"00", "A6"})  # A6: done, with a flaw that UnionPay settles
UNDECIDED = frozenset({"03", "04", "05"})
GONE = "34"
# UnionPay's own times; a payer who waits at a barrier is told of by its notice.
ASK_AFTER = tuple(timedelta(minutes=m) for m in (5, 5, 20, 30, 60))  # 5, 10, 30, 60, 120 min

REFUND_WORDS = {
    TradeState.SUCCESS: RefundWord.SUCCESS,
    TradeState.PENDING: RefundWord.PROCESSING,
    TradeState.FAILED: RefundWord.CLOSED,
}

_TRACE = re.compile(r"[0-9]{10}")


@dataclass(frozen=True, repr=False)
class UnionpayKeys:
    """What we sign with, under which number UnionPay knows it, and whom we believe."""

    certificate_no: str
    key: RSAPrivateKey
    trust: Trust


class UnionpayChannel:
    """The port of payments over UnionPay."""

    name = "unionpay"
    terms = Terms(query_after=ASK_AFTER, closes=False)
    refund_gap = timedelta(0)

    def __init__(
        self, client: HttpClient, clock: Clock, *, base_url: str, mer_id: str, held: UnionpayKeys
    ) -> None:
        self.merchant = self.app = mer_id
        self._client, self._clock = client, clock
        self._url = base_url + GATEWAY
        self._held = held

    async def create(self, request: PayRequest) -> PayInstruction:
        """Ask for a code; the trade ends by itself when its time is over."""
        answer = await self._ask(
            request.out_trade_no,
            {
                "txnType": PURCHASE,
                "txnSubType": "07",
                "channelType": "08",
                "txnAmt": str(request.amount_fen),
                "currencyCode": RENMINBI,
                "backUrl": request.notify_url,
                "payTimeout": request.expires_at.astimezone(CHINA).strftime(STAMP),
                "orderDesc": request.description,
            },
        )
        if answer.get("respCode") != "00" or not answer.get("qrCode"):
            _decline(answer)
        return PayInstruction("qr", answer["qrCode"])

    async def query(self, out_trade_no: str) -> TradeFact:
        """Ask what became of a trade; its number and its second name it together."""
        absent = TradeFact(out_trade_no, TradeState.ABSENT, self.merchant, self.app)
        if made_at(out_trade_no) is None:
            return absent
        answer = await self._ask(out_trade_no, {"txnType": QUERY, "txnSubType": "00"})
        if answer.get("respCode") == GONE:
            return absent
        if answer.get("respCode") not in DONE:
            _decline(answer)
        try:
            return _fact(answer, answer["origRespCode"])
        except (KeyError, ValueError) as error:
            raise ChannelUnavailable("UnionPay told of a trade in unknown words.") from error

    async def close(self, out_trade_no: str) -> None:
        """Leave a trade alone: it ends at the time that it was placed with."""
        del out_trade_no

    async def refund(self, request: RefundRequest) -> RefundFact:
        """Give back part of a trade, which UnionPay knows by the number it gave itself."""
        paid = await self.query(request.out_trade_no)
        if paid.provider_txn is None or made_at(request.refund_no) is None:
            raise ChannelDeclined("UnionPay knows no payment to give back from.")
        asked = {
            "txnType": REFUND,
            "txnSubType": "00",
            "channelType": "08",
            "txnAmt": str(request.amount_fen),
            "backUrl": request.notify_url,
            "origQryId": paid.provider_txn,
        }
        answer = await self._ask(request.refund_no, asked)
        if answer.get("respCode") not in DONE:
            _decline(answer)
        return _refund_fact(answer, request.out_trade_no, RefundWord.PROCESSING)

    async def query_refund(self, refund_no: str, *, out_trade_no: str) -> RefundFact:
        """Ask what became of a refund: to UnionPay it is a trade like any other."""
        absent = RefundFact(refund_no, out_trade_no, RefundWord.ABSENT, self.merchant)
        if made_at(refund_no) is None:
            return absent
        answer = await self._ask(refund_no, {"txnType": QUERY, "txnSubType": "00"})
        if answer.get("respCode") == GONE:
            return absent
        if answer.get("respCode") not in DONE:
            _decline(answer)
        word = REFUND_WORDS[_state(answer.get("origRespCode", ""))]
        return _refund_fact(answer, out_trade_no, word)

    def verify_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """Return what a notice hints at; nothing dates it, so a certificate must be valid now."""
        del headers  # a notice proves itself by its fields alone
        try:
            fields = forms.read_text_form(body)
            wire.prove(fields, self._held.trust, now)
            return _notice(fields)
        except Unproven as error:
            raise NoticeUnverified(str(error), reason=error.reason) from error

    def answer(self, verdict: NoticeVerdict) -> NoticeAnswer:
        """Say it by the status alone: UnionPay takes 200 and reads nothing."""
        status, body = ANSWERS[verdict]
        return NoticeAnswer(status, "text/plain", body)

    async def _ask(self, number: str, asked: Mapping[str, str]) -> dict[str, str]:
        """Send one signed request and return the fields of an answer that UnionPay has signed."""
        at = made_at(number)
        assert at is not None, "our own numbers tell their second"
        fields = {
            "version": wire.VERSION,
            "encoding": wire.ENCODING,
            "signMethod": wire.BY_CERTIFICATE,
            "certId": self._held.certificate_no,
            "bizType": "000000",
            "accessType": "0",
            "merId": self.merchant,
            "orderId": number,
            "txnTime": at.astimezone(CHINA).strftime(STAMP),
            **asked,
        }
        body = urlencode(wire.signed(fields, self._held.key)).encode()
        headers = {"Content-Type": FORM, "User-Agent": "OnePark"}
        try:
            answer = await self._client.request("POST", self._url, headers=headers, body=body)
        except PeerUnavailable as error:
            raise ChannelUnavailable("UnionPay did not answer.") from error
        if answer.status != 200:  # noqa: PLR2004
            raise ChannelUnavailable(f"UnionPay answered {answer.status}.")
        return self._believe(answer.body, fields)

    def _believe(self, body: bytes, asked: Mapping[str, str]) -> dict[str, str]:
        """Pass only an answer that is signed, about the trade that was asked for."""
        try:
            answer = forms.read_bare(body)
            wire.prove(answer, self._held.trust, self._clock.now())
        except Unproven as error:
            raise ChannelUnavailable(f"An answer of UnionPay proves nothing: {error}") from error
        if any(answer.get(name) != asked[name] for name in ("merId", "orderId", "txnTime")):
            raise ChannelUnavailable("UnionPay answered for another trade.")
        return answer


ANSWERS = {
    NoticeVerdict.STORED: (200, b"ok"),
    NoticeVerdict.REFUSED: (401, b"fail"),
    NoticeVerdict.UNAVAILABLE: (503, b"fail"),
}


def _notice(fields: Mapping[str, str]) -> Notice:
    """Read the proven fields of a notice; one of anything but a purchase is only kept."""
    try:
        code = fields["respCode"]
        event_key, kind = f"{fields['queryId']}:{code}", f"{fields['txnType']}:{code}"
        if fields["txnType"] != PURCHASE:
            return Notice(event_key, kind, None)
        return Notice(event_key, kind, _fact(fields, code), is_hint=True)
    except (KeyError, ValueError) as error:
        reason = "amount" if isinstance(error, AmountMalformed) else "form"
        raise Unproven(reason, "The notice speaks of a trade in unknown words.") from error


def _fact(fields: Mapping[str, str], code: str) -> TradeFact:
    state = _state(code)
    if state is not TradeState.SUCCESS:
        return TradeFact(fields["orderId"], state, fields["merId"], fields["merId"])
    return TradeFact(
        out_trade_no=fields["orderId"],
        state=state,
        merchant=fields["merId"],
        app=fields["merId"],
        amount_fen=fen_of_text(fields["txnAmt"]),
        currency="CNY" if fields["currencyCode"] == RENMINBI else fields["currencyCode"],
        provider_txn=fields["queryId"],
        paid_at=_paid_at(fields),
    )


def _refund_fact(answer: Mapping[str, str], out_trade_no: str, word: RefundWord) -> RefundFact:
    try:
        amount_fen = fen_of_text(answer["txnAmt"]) if answer.get("txnAmt") else None
        back_at = _paid_at(answer) if word is RefundWord.SUCCESS else None
    except (KeyError, ValueError) as error:
        raise ChannelUnavailable("UnionPay told of a refund in unknown words.") from error
    return RefundFact(
        refund_no=answer["orderId"],
        out_trade_no=out_trade_no,
        word=word,
        merchant=answer["merId"],
        amount_fen=amount_fen,
        provider_refund=answer.get("queryId"),
        refunded_at=back_at,
    )


def _state(code: str) -> TradeState:
    if code in DONE:
        return TradeState.SUCCESS
    return TradeState.PENDING if code in UNDECIDED else TradeState.FAILED


def _paid_at(fields: Mapping[str, str]) -> datetime:
    """Return the moment of payment, which is told without its year: the first after the order."""
    placed, trace = fields["txnTime"], fields["traceTime"]
    if _TRACE.fullmatch(trace) is None:
        raise ValueError("no time of payment")
    year = int(placed[:4]) + (trace[:4] < placed[4:8])
    return datetime.strptime(f"{year}{trace}", STAMP).replace(tzinfo=CHINA)


def _decline(answer: Mapping[str, str]) -> NoReturn:
    """Pass a refusal on; one that decides nothing leaves the outcome open."""
    code = answer.get("respCode", "")
    if not code or code in UNDECIDED | DONE:
        raise ChannelUnavailable(f"UnionPay has not decided: {code}")
    raise ChannelDeclined(f"UnionPay declined: {code}", provider_code=code)
