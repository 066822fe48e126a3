"""Jiangsu Bank's e融支付: one link that the payer's app opens.

Owns: three calls, the bank's notices, and what its words mean in ours.
Never: lets a notice move money: its signature is weak, so it is only why the bank is asked.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

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
from onepark.integrations.payments import forms
from onepark.integrations.payments import jsbank_wire as wire
from onepark.integrations.payments.keys import Unproven
from onepark.integrations.payments.money import AmountMalformed, fen_of_yuan, yuan_of_fen
from onepark.kernel.types import CHINA

DONE = "000000"
STAMP = "%Y%m%d%H%M%S"
ASK_AFTER = tuple(timedelta(seconds=s) for s in (10, 20, 30, 60, 120, 300))
STATES = {"1": TradeState.SUCCESS, "2": TradeState.PENDING}
REFUND_WORDS = {
    TradeState.SUCCESS: RefundWord.SUCCESS,
    TradeState.PENDING: RefundWord.PROCESSING,
    TradeState.ABSENT: RefundWord.ABSENT,
}

_STAMPED = re.compile(r"([0-9]{14})(\|.*)?")


@dataclass(frozen=True, repr=False)
class BankKeys:
    """What we sign with, whom we believe, and which codes of the bank mean: no such order."""

    key: RSAPrivateKey
    bank_key: RSAPublicKey
    public_key_code: str
    absent_codes: Collection[str]


class JsbankChannel:
    """The port of payments over Jiangsu Bank."""

    name = "jsbank"
    terms = Terms(query_after=ASK_AFTER, closes=False)
    refund_gap = timedelta(0)

    def __init__(
        self, client: HttpClient, clock: Clock, *, base_url: str, partner_id: str, held: BankKeys
    ) -> None:
        self.merchant = self.app = partner_id
        self._client, self._clock = client, clock
        self._url, self._held = base_url, held

    async def create(self, request: PayRequest) -> PayInstruction:
        """Ask for a link."""
        asked = {
            "service": "atPay",
            "outTradeNo": request.out_trade_no,
            "totalFee": yuan_of_fen(request.amount_fen),
            "proInfo": request.description,
            "backUrl": request.notify_url,
        }
        answer = await self._ask(asked)
        if answer.get("respCode") != DONE or not answer.get("payUrl"):
            _decline(answer)
        return PayInstruction("qr", answer["payUrl"])

    async def query(self, out_trade_no: str) -> TradeFact:
        """Ask what became of a trade: the only word of the bank that counts."""
        asked = {"service": "payCheck", "outTradeNo": out_trade_no, "deviceNo": "onepark"}
        answer = await self._ask(asked)
        if answer.get("respCode") in self._held.absent_codes:
            return TradeFact(out_trade_no, TradeState.ABSENT, self.merchant, self.app)
        if answer.get("respCode") != DONE:
            _decline(answer)
        if answer.get("outTradeNo") != out_trade_no:
            raise ChannelUnavailable("The bank answered for another trade.")
        try:
            return _fact(answer)
        except (KeyError, ValueError) as error:
            raise ChannelUnavailable("The bank told of a trade in unknown words.") from error

    async def close(self, out_trade_no: str) -> None:
        """Leave a trade alone: the bank ends it when its time is over."""
        del out_trade_no

    async def refund(self, request: RefundRequest) -> RefundFact:
        """Give back part of a trade."""
        asked = {
            "service": "payRefund",
            "outTradeNo": request.out_trade_no,
            "outRefundNo": request.refund_no,
            "refundAmt": yuan_of_fen(request.amount_fen),
            "deviceNo": "onepark",
        }
        answer = await self._ask(asked)
        if answer.get("respCode") != DONE:
            _decline(answer)
        return self._refund_fact(answer, request)

    async def query_refund(self, refund_no: str, *, out_trade_no: str) -> RefundFact:
        """Ask what became of a refund: the bank lists it as an order of its own."""
        told = await self.query(refund_no)
        return RefundFact(
            refund_no=refund_no,
            out_trade_no=out_trade_no,
            word=REFUND_WORDS[told.state],
            merchant=told.merchant,
            amount_fen=told.amount_fen,
            provider_refund=told.provider_txn,
            refunded_at=told.paid_at,
        )

    def verify_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """Return what a notice hints at; nothing dates it."""
        del headers, now  # a notice proves itself by its fields alone
        try:
            fields = forms.read_text_form(body)
            wire.prove(fields, self._held.bank_key)
            return _notice(fields)
        except Unproven as error:
            raise NoticeUnverified(str(error), reason=error.reason) from error

    def answer(self, verdict: NoticeVerdict) -> NoticeAnswer:
        """Say it in the bank's one word: anything but ``success`` has it sent again."""
        status, body = ANSWERS[verdict]
        return NoticeAnswer(status, "text/plain", body)

    def _refund_fact(self, answer: Mapping[str, str], request: RefundRequest) -> RefundFact:
        """Read the answer to a refund: taken in, and told of later."""
        try:
            amount_fen = fen_of_yuan(answer["refundAmt"])
        except (KeyError, ValueError) as error:
            raise ChannelUnavailable("The bank told of a refund in unknown words.") from error
        return RefundFact(
            refund_no=answer.get("outRefundNo", request.refund_no),
            out_trade_no=request.out_trade_no,
            word=RefundWord.PROCESSING,
            merchant=self.merchant,
            amount_fen=amount_fen,
            provider_refund=answer.get("refundNo"),
        )

    async def _ask(self, asked: Mapping[str, str]) -> dict[str, str]:
        """Send one signed request and return the fields of an answer that the bank has signed."""
        now = self._clock.now().astimezone(CHINA)
        fields = {
            "createData": f"{now:%Y%m%d}",
            "createTime": f"{now:%H%M%S}",
            "bizDate": f"{now:%Y%m%d}",
            "msgId": str(uuid4()),
            "svrCode": "",
            "partnerId": self.merchant,
            "channelNo": "m",
            "publicKeyCode": self._held.public_key_code,
            "version": "v1.0.0",
            "charset": "utf-8",
            **asked,
        }
        proven = wire.signed(fields, self._held.key)
        tail = {name: proven.pop(name) for name in ("sign", "signType")}
        ordered = [*sorted(proven.items()), *tail.items()]
        body = "&".join(f"{name}={value}" for name, value in ordered)
        headers = {"Content-Type": "text/html", "User-Agent": "OnePark"}
        try:
            answer = await self._client.request(
                "POST", self._url, headers=headers, body=body.encode()
            )
        except PeerUnavailable as error:
            raise ChannelUnavailable("The bank did not answer.") from error
        if answer.status != 200:  # noqa: PLR2004
            raise ChannelUnavailable(f"The bank answered {answer.status}.")
        return self._believe(answer.body)

    def _believe(self, body: bytes) -> dict[str, str]:
        """Pass only an answer that is signed and made out to us."""
        try:
            answer = forms.read_bare(body)
            wire.prove(answer, self._held.bank_key)
        except Unproven as error:
            raise ChannelUnavailable(f"An answer of the bank proves nothing: {error}") from error
        if answer.get("partnerId") != self.merchant:
            raise ChannelUnavailable("The bank answered somebody else.")
        return answer


ANSWERS = {
    NoticeVerdict.STORED: (200, b"success"),
    NoticeVerdict.REFUSED: (401, b"fail"),
    NoticeVerdict.UNAVAILABLE: (503, b"fail"),
}


def _notice(fields: Mapping[str, str]) -> Notice:
    """Read the proven fields of a notice."""
    try:
        status = fields["orderStatus"]
        fact = _fact(fields)
        return Notice(f"{fields['orderNo']}:{status}", f"order:{status}", fact, is_hint=True)
    except (KeyError, ValueError) as error:
        reason = "amount" if isinstance(error, AmountMalformed) else "form"
        raise Unproven(reason, "The notice speaks of a trade in unknown words.") from error


def _fact(fields: Mapping[str, str]) -> TradeFact:
    state = STATES[fields["orderStatus"]]
    paid = _STAMPED.fullmatch(fields.get("field3", ""))
    paid_at = datetime.strptime(paid[1], STAMP).replace(tzinfo=CHINA) if paid else None
    return TradeFact(
        out_trade_no=fields["outTradeNo"],
        state=state,
        merchant=fields["partnerId"],
        app=fields["partnerId"],
        amount_fen=fen_of_yuan(fields["totalFee"]),
        currency="CNY",
        provider_txn=fields["orderNo"] or None,
        paid_at=paid_at if state is TradeState.SUCCESS else None,
    )


def _decline(answer: Mapping[str, str]) -> NoReturn:
    code = answer.get("respCode", "")
    raise ChannelDeclined(f"The bank declined: {code}", provider_code=code)
