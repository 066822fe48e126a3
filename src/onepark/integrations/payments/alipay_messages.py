"""Alipay's messages to the app: what is no trade, at an address of its own.

Owns: the second rule of Alipay's signatures, which covers ``sign_type`` too, and another key.
Never: takes a payment, or tries the rule of trade notices.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from onepark.contexts.payments.errors import ChannelDeclined, NoticeUnverified
from onepark.contexts.payments.model import (
    Notice,
    NoticeAnswer,
    NoticeVerdict,
    PayInstruction,
    PayRequest,
    RefundFact,
    RefundRequest,
    Terms,
    TradeFact,
)
from onepark.integrations.payments import alipay_wire as wire
from onepark.integrations.payments.alipay import ANSWERS
from onepark.integrations.payments.keys import Unproven


class AlipayMessages:
    """The port of payments for messages alone: they are kept, and nobody pays here."""

    name = "alipay_messages"
    terms = Terms(kinds=())
    refund_gap = timedelta(0)

    def __init__(self, *, app_id: str, seller_id: str, message_key: RSAPublicKey) -> None:
        self.app, self.merchant = app_id, seller_id
        self._message_key = message_key

    async def create(self, request: PayRequest) -> PayInstruction:
        """Decline: nobody pays here."""
        raise ChannelDeclined("Nobody pays through messages.", out_trade_no=request.out_trade_no)

    async def query(self, out_trade_no: str) -> TradeFact:
        """Decline: messages know no trade."""
        raise ChannelDeclined("Messages know no trade.", out_trade_no=out_trade_no)

    async def close(self, out_trade_no: str) -> None:
        """Decline: messages know no trade."""
        raise ChannelDeclined("Messages know no trade.", out_trade_no=out_trade_no)

    async def refund(self, request: RefundRequest) -> RefundFact:
        """Decline: nobody paid here."""
        raise ChannelDeclined("Messages know no trade.", out_trade_no=request.out_trade_no)

    async def query_refund(self, refund_no: str, *, out_trade_no: str) -> RefundFact:
        """Decline: messages know no trade."""
        raise ChannelDeclined("Messages know no trade.", refund_no=refund_no, of=out_trade_no)

    def verify_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """Return which message came; it moves nothing."""
        del headers, now  # a message proves itself by its fields alone
        try:
            unsigned = wire.UNSIGNED_IN_MESSAGE
            return self._message(wire.proven_notice(body, self._message_key, unsigned=unsigned))
        except Unproven as error:
            raise NoticeUnverified(str(error), reason=error.reason) from error

    def answer(self, verdict: NoticeVerdict) -> NoticeAnswer:
        """Say it in Alipay's one word: anything but ``success`` has it sent again."""
        status, body = ANSWERS[verdict]
        return NoticeAnswer(status, "text/plain", body)

    def _message(self, fields: Mapping[str, str]) -> Notice:
        """Read the proven fields of a message to this app."""
        event_type = fields.get("notify_type") or fields.get("msg_method")
        event_key = fields.get("notify_id")
        if not event_key or not event_type:
            raise Unproven("form", "The message has no id or no type.")
        if fields.get("app_id", self.app) != self.app:
            raise Unproven("form", "The message is to another app.")
        return Notice(event_key, event_type, None)
