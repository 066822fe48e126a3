"""The side of Jiangsu Bank's e融支付.

Owns: checking a merchant's signature, links and queries, signed answers and signed notices.
Never: drops an empty field: the bank signs them.
"""

import base64
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import urlencode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA1

from onepark.infra.clock import Clock
from onepark.kernel.types import CHINA
from onepark.simulator.providers.acquirer_keys import (
    JSBANK_ABSENT,
    JSBANK_PARTNER_ID,
    AcquirerKeys,
)
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
from onepark.simulator.providers.wire import Call, Parcel, Reply, broken

REAL_RESEND_S = (15, 30, 60, 300, 600)  # how often it repeats is not written
LINK_LIVES = timedelta(hours=2)

_YUAN = re.compile(r"(0|[1-9][0-9]{0,8})\.[0-9]{2}")
_URL = re.compile(r"https?://[^?#&]+")


class Refused(Exception):
    """A call that is answered with a code of its own."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.fields = {"respCode": code, "respMsg": message}


class JsbankWords:
    """How the bank writes notices."""

    resend_after_s = tuple(each / 30 for each in REAL_RESEND_S)

    def __init__(self, keys: AcquirerKeys) -> None:
        self._keys = keys

    def parcel(self, trade: Trade, behaviour: Behaviour, now: datetime) -> Parcel:
        """Write and sign one notice; there is no serial, so a wrong key stands for one."""
        del now  # nothing dates a notice
        fields = {
            "partnerId": JSBANK_PARTNER_ID,
            **_of_trade(trade, more_fen=1 if behaviour.wrong_amount else 0),
        }
        key = self._keys.forger if behaviour.wrong_serial else self._keys.bank
        form = _signed(fields, key)
        if behaviour.bad_signature:
            form["sign"] = broken(form["sign"])
        content_type = "application/x-www-form-urlencoded; charset=utf-8"
        return Parcel({"Content-Type": content_type}, urlencode(form).encode())

    def refund_parcel(
        self, trade: Trade, refund: Refund, *, behaviour: Behaviour, now: datetime
    ) -> None:
        """Tell nobody: a merchant asks."""

    def is_acknowledged(self, status: int, body: bytes) -> bool:
        """Only this word will do."""
        return status == 200 and body == b"success"  # noqa: PLR2004


class JsbankDesk:
    """Takes a merchant's calls."""

    def __init__(
        self, keys: AcquirerKeys, clock: Clock, *, book: Book, refunds: RefundBook, courier: Courier
    ) -> None:
        self._keys, self._clock, self._book, self._courier = keys, clock, book, courier
        self._refunds = Refunds(refunds, courier)

    async def services(self, call: Call) -> Reply:
        """POST /eis/merchant/merchantServices.htm: which call it is stands among the fields."""
        given = dict(part.partition("=")[::2] for part in call.body.decode().split("&"))
        try:
            self._check(given)
            works = {"atPay": self._place, "payRefund": self._give_back}
            work = works.get(given.get("service", ""), self._tell)
            told = {"respCode": "000000", "respMsg": "交易成功", **await work(given)}
        except Refused as refused:
            told = refused.fields
        answer = _signed({"errCode": "", "partnerId": JSBANK_PARTNER_ID, **told}, self._keys.bank)
        body = "&".join(f"{name}={value}" for name, value in answer.items())
        return Reply(200, body.encode(), media_type="text/html;charset=utf-8")

    async def _place(self, given: Mapping[str, str]) -> dict[str, str]:
        if (
            _YUAN.fullmatch(given.get("totalFee", "")) is None
            or _URL.fullmatch(given.get("backUrl", "")) is None
        ):
            raise Refused("027001", "报文格式错误")
        now = self._clock.now()
        number = given.get("outTradeNo", "")
        earlier = self._book.get(Provider.JSBANK, number, now=now)
        order = Order(
            provider=Provider.JSBANK,
            out_trade_no=number,
            amount_fen=int(Decimal(given["totalFee"]) * 100),
            description=given.get("proInfo", ""),
            notify_url=given["backUrl"],
            expires_at=earlier.order.expires_at if earlier else now + LINK_LIVES,
        )
        try:
            trade, is_new = self._book.place(order, now)
        except NumberReused:
            raise Refused("027002", "订单重复") from None
        except BookFull:
            raise Refused("027003", "系统繁忙") from None
        if is_new:
            await self._courier.take(trade)
        return {**_of_trade(trade), "orderStatus": "1", "payUrl": trade.code_url, "validTime": "2"}

    async def _give_back(self, given: Mapping[str, str]) -> dict[str, str]:
        now = self._clock.now()
        trade = self._book.get(Provider.JSBANK, given.get("outTradeNo", ""), now=now)
        if trade is None or trade.state is not State.PAID:
            raise Refused(JSBANK_ABSENT, "订单不存在")
        number, yuan = given.get("outRefundNo", ""), given.get("refundAmt", "")
        if _YUAN.fullmatch(yuan) is None:
            raise Refused("027111", "退款金额错误")
        try:
            refund = await self._refunds.ask(trade, number, int(Decimal(yuan) * 100), at=now)
        except NothingToGiveBack as error:
            raise Refused("027111", "退款金额错误") from error
        refunded = {"outRefundNo": number, "refundAmt": yuan, "refundNo": refund.provider_refund}
        return {
            "fee": "0",
            "field1": "2",
            "field2": "",
            "field3": "",
            "orderStatus": "3",
            **refunded,
        }

    async def _tell(self, given: Mapping[str, str]) -> dict[str, str]:
        number = given.get("outTradeNo", "")
        known = self._refunds.find(number)
        if known is not None:
            return _of_refund(known[1])
        trade = self._book.get(Provider.JSBANK, number, now=self._clock.now())
        if given.get("service") != "payCheck" or trade is None:
            raise Refused(JSBANK_ABSENT, "订单不存在")
        return _of_trade(trade)

    def _check(self, given: Mapping[str, str]) -> None:
        """Refuse a call that our one merchant did not sign."""
        if given.get("partnerId") != JSBANK_PARTNER_ID or given.get("signType") != "RSA":
            raise Refused("027004", "商户不存在")
        try:
            signature = base64.b64decode(given.get("sign", ""))
            self._keys.bank_merchant.verify(signature, _text(given), padding.PKCS1v15(), SHA1())  # noqa: S303
        except (InvalidSignature, ValueError) as error:
            raise Refused("027005", "验签失败") from error


def _of_trade(trade: Trade, *, more_fen: int = 0) -> dict[str, str]:
    paid = trade.paid_at.astimezone(CHINA) if trade.paid_at else None
    yuan = (Decimal(trade.order.amount_fen + more_fen) / 100).quantize(Decimal("0.01"))
    return {
        "orderStatus": "1" if trade.state is State.PAID else "2",
        "totalFee": str(yuan),
        "outTradeNo": trade.order.out_trade_no,
        "orderNo": trade.provider_txn,
        "field1": "2",
        "field2": "",
        "field3": f"{paid:%Y%m%d%H%M%S}|{trade.provider_txn}" if paid else "",
    }


def _of_refund(refund: Refund) -> dict[str, str]:
    ended = refund.ended_at.astimezone(CHINA) if refund.ended_at else None
    return {
        "orderStatus": "1" if refund.state is RefundState.SUCCESS else "2",
        "totalFee": str((Decimal(refund.order.amount_fen) / 100).quantize(Decimal("0.01"))),
        "outTradeNo": refund.order.refund_no,
        "orderNo": refund.provider_refund,
        "field1": "2",
        "field2": "",
        "field3": f"{ended:%Y%m%d%H%M%S}" if ended else "",
    }


def _text(fields: Mapping[str, str]) -> bytes:
    names = sorted(name for name in fields if name not in {"sign", "signType"})
    return "&".join(f"{name}={fields[name]}" for name in names).encode()


def _signed(fields: Mapping[str, str], key: RSAPrivateKey) -> dict[str, str]:
    signature = key.sign(_text(fields), padding.PKCS1v15(), SHA1())  # noqa: S303
    return {**fields, "signType": "RSA", "sign": base64.b64encode(signature).decode()}
