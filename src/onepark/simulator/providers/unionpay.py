"""UnionPay's side of 5.1.0.

Owns: checking a merchant's signature, codes and queries, signed answers and signed notices.
Never: knows a trade by its number alone; the second of its order names it too.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl, urlencode

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from onepark.infra.clock import Clock
from onepark.kernel.types import CHINA
from onepark.simulator.providers.acquirer_keys import UNIONPAY_MER_ID, AcquirerKeys
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
from onepark.simulator.providers.wire import Call, Parcel, Reply, broken, rsa_fits, rsa_sign

STAMP = "%Y%m%d%H%M%S"
# Its own times are not public: five, of some minutes, sixty times faster.
REAL_RESEND_S = (60, 120, 240, 300, 300)

_NUMBER = re.compile(r"[0-9A-Za-z]{8,40}")
_AMOUNT = re.compile(r"[1-9][0-9]{0,11}")
_URL = re.compile(r"https?://[^?#]+")
_REFUND_CODES = {
    RefundState.PROCESSING: "05",
    RefundState.SUCCESS: "00",
    RefundState.ABNORMAL: "42",
    RefundState.CLOSED: "42",
}
_CODES = {State.WAITING: "05", State.PAID: "00", State.CLOSED: "05"}


class Refused(Exception):
    """A call that is answered with a code of its own."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.fields = {"respCode": code, "respMsg": message}


class UnionpayWords:
    """How UnionPay writes notices."""

    resend_after_s = tuple(each / 60 for each in REAL_RESEND_S)

    def __init__(self, keys: AcquirerKeys) -> None:
        self._keys = keys

    def parcel(self, trade: Trade, behaviour: Behaviour, now: datetime) -> Parcel:
        """Write and sign one notice; a certificate that leads nowhere stands for a wrong serial."""
        del now  # nothing dates a notice
        fields = {
            **_of_trade(trade, more_fen=1 if behaviour.wrong_amount else 0),
            "txnTime": trade.order.placed,
            "respCode": "00",
            "respMsg": "success",
            "signPubKeyCert": self._keys.unionpay_certificate,
        }
        key = self._keys.unionpay
        if behaviour.wrong_serial:
            fields["signPubKeyCert"], key = self._keys.forged_certificate, self._keys.forger
        form = _signed(fields, key)
        if behaviour.bad_signature:
            form["signature"] = broken(form["signature"])
        content_type = "application/x-www-form-urlencoded; charset=utf-8"
        return Parcel({"Content-Type": content_type}, urlencode(form).encode())

    def refund_parcel(
        self, trade: Trade, refund: Refund, *, behaviour: Behaviour, now: datetime
    ) -> None:
        """Tell nobody: a merchant asks."""

    def is_acknowledged(self, status: int, body: bytes) -> bool:  # noqa: ARG002
        """Its status alone counts."""
        return status == 200  # noqa: PLR2004


class UnionpayDesk:
    """Takes a merchant's calls."""

    def __init__(
        self, keys: AcquirerKeys, clock: Clock, *, book: Book, refunds: RefundBook, courier: Courier
    ) -> None:
        self._keys, self._clock, self._book, self._courier = keys, clock, book, courier
        self._refunds = Refunds(refunds, courier)
        self._placed: dict[str, str] = {}  # the second that names a refund beside its number

    async def gateway(self, call: Call) -> Reply:
        """POST /gateway/api/backTransReq.do: which call it is stands in the form."""
        given = dict(parse_qsl(call.body.decode(), keep_blank_values=True))
        try:
            self._check(given)
            works = {"01": self._place, "04": self._give_back}
            told = await works.get(given.get("txnType", ""), self._tell)(given)
        except Refused as refused:
            told = refused.fields
        echoed = {name: given.get(name, "") for name in ("merId", "orderId", "txnTime", "txnType")}
        return self._answer({**echoed, **told})

    async def _place(self, given: Mapping[str, str]) -> dict[str, str]:
        wrong = (
            given.get("txnSubType") != "07"
            or _AMOUNT.fullmatch(given.get("txnAmt", "")) is None
            or given.get("currencyCode") != "156"
            or _URL.fullmatch(given.get("backUrl", "")) is None
        )
        if wrong:
            raise Refused("10", "报文格式错误")
        now = self._clock.now()
        order = Order(
            provider=Provider.UNIONPAY,
            out_trade_no=given["orderId"],
            amount_fen=int(given["txnAmt"]),
            description=given.get("orderDesc", ""),
            notify_url=given["backUrl"],
            expires_at=_china_time(given.get("payTimeout", "")),
            placed=given["txnTime"],
        )
        try:
            trade, is_new = self._book.place(order, now)
        except NumberReused:
            raise Refused("12", "重复交易") from None
        except BookFull:
            raise Refused("03", "交易通讯超时，请发起查询交易") from None
        if is_new:
            self._refunds.know(trade)
            await self._courier.take(trade)
        return {"respCode": "00", "respMsg": "success", "qrCode": trade.code_url}

    async def _give_back(self, given: Mapping[str, str]) -> dict[str, str]:
        if _AMOUNT.fullmatch(given.get("txnAmt", "")) is None:
            raise Refused("10", "报文格式错误")
        number, amount_fen = given["orderId"], int(given["txnAmt"])
        try:
            trade = self._refunds.trade(given.get("origQryId", ""))
            self._placed.setdefault(number, given["txnTime"])
            await self._refunds.ask(trade, number, amount_fen, at=self._clock.now())
        except NothingToGiveBack as error:
            raise Refused("36", "交易金额超限") from error
        return {"respCode": "00", "txnAmt": given["txnAmt"], "origQryId": given["origQryId"]}

    async def _tell(self, given: Mapping[str, str]) -> dict[str, str]:
        known = self._refunds.find(given["orderId"])
        if known is not None and self._placed[given["orderId"]] == given["txnTime"]:
            return {"respCode": "00", **_of_refund(known[1])}
        trade = self._book.get(Provider.UNIONPAY, given["orderId"], now=self._clock.now())
        if trade is None or trade.order.placed != given["txnTime"]:
            raise Refused("34", "查无此交易")
        told = {"respCode": "00", "origRespCode": _CODES[trade.state]}
        return {**told, **(_of_trade(trade) if trade.state is State.PAID else {})}

    def _check(self, given: Mapping[str, str]) -> None:
        """Refuse a call that our one merchant did not sign."""
        fixed = {"version": "5.1.0", "signMethod": "01", "merId": UNIONPAY_MER_ID}
        named = all(given.get(name) == value for name, value in fixed.items())
        if not named or _NUMBER.fullmatch(given.get("orderId", "")) is None:
            raise Refused("10", "报文格式错误")
        if given.get("certId") != self._keys.merchant_certificate_no:
            raise Refused("11", "证书不存在")
        if not rsa_fits(self._keys.unionpay_merchant, _digest(given), given.get("signature", "")):
            raise Refused("11", "验证签名失败")

    def _answer(self, told: Mapping[str, str]) -> Reply:
        """Sign an answer; its values stand there as they are, unescaped."""
        certificate = {"signPubKeyCert": self._keys.unionpay_certificate}
        signed = _signed({**told, **certificate}, self._keys.unionpay)
        body = "&".join(f"{name}={value}" for name, value in signed.items())
        return Reply(200, body.encode(), media_type="text/html;charset=utf-8")


def _of_trade(trade: Trade, *, more_fen: int = 0) -> dict[str, str]:
    at = (trade.paid_at or trade.created_at).astimezone(CHINA)
    return {
        "accNo": "",
        "currencyCode": "156",
        "merId": UNIONPAY_MER_ID,
        "orderId": trade.order.out_trade_no,
        "queryId": trade.provider_txn,
        "traceTime": f"{at:%m%d%H%M%S}",
        "txnAmt": str(trade.order.amount_fen + more_fen),
        "txnType": "01",
        "txnSubType": "07",
    }


def _of_refund(refund: Refund) -> dict[str, str]:
    at = (refund.ended_at or refund.asked_at).astimezone(CHINA)
    return {
        "origRespCode": _REFUND_CODES[refund.state],
        "currencyCode": "156",
        "queryId": refund.provider_refund,
        "traceTime": f"{at:%m%d%H%M%S}",
        "txnAmt": str(refund.order.amount_fen),
    }


def _signed(fields: Mapping[str, str], key: RSAPrivateKey) -> dict[str, str]:
    whole = {"version": "5.1.0", "encoding": "utf-8", "signMethod": "01", **fields}
    return {**whole, "signature": rsa_sign(key, _digest(whole))}


def _digest(fields: Mapping[str, str]) -> bytes:
    names = sorted(name for name in fields if name != "signature" and fields[name])
    text = "&".join(f"{name}={fields[name]}" for name in names)
    return hashlib.sha256(text.encode()).hexdigest().encode()


def _china_time(text: str) -> datetime:
    try:
        return datetime.strptime(text, STAMP).replace(tzinfo=CHINA)
    except ValueError as error:
        raise Refused("10", "payTimeout 无效") from error
