"""WeChat Pay's side of API v3.

Owns: checking a merchant's signature, three calls, signed answers and sealed notices.
Never: answers a call whose signature is wrong with more than SIGN_ERROR.
"""

import base64
import json
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from random import SystemRandom
from typing import Annotated, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Meta, Struct

from onepark.infra.clock import Clock
from onepark.kernel.types import CHINA
from onepark.simulator.providers.courier import Courier
from onepark.simulator.providers.keys import (
    MCHID,
    MERCHANT_SERIAL,
    PUBLIC_KEY_ID,
    WECHAT_APPID,
    Keys,
)
from onepark.simulator.providers.refunds import Refund
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

CLOCK_SKEW_MAX_S = 300
STALE_BY = timedelta(minutes=6)
FOREIGN_SERIAL = "PUB_KEY_ID_0000000000000000000000000000"
# The real times, 15 s to 6 h, thirty times faster and at most a minute.
REAL_RESEND_S = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800)

_FIELD = re.compile(r'(\w+)="([^"]*)"')
_CHANCE = SystemRandom()
_STATE_WORDS = {
    State.WAITING: ("NOTPAY", "订单未支付"),
    State.PAID: ("SUCCESS", "支付成功"),
    State.CLOSED: ("CLOSED", "订单已关闭"),
}


class Refused(Exception):
    """A call that is answered in the provider's error form."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status = status
        self.body = {"code": code, "message": message}


class Amount(Struct, frozen=True):
    total: Annotated[int, Meta(ge=1)]
    currency: str = "CNY"


class NativeOrder(Struct, frozen=True):
    appid: str
    mchid: str
    description: Annotated[str, Meta(min_length=1, max_length=127)]
    out_trade_no: Annotated[str, Meta(pattern=r"^[0-9A-Za-z_\-|*]{6,32}$")]
    notify_url: Annotated[str, Meta(pattern=r"^https?://[^?#]+$", max_length=255)]
    amount: Amount
    time_expire: Annotated[datetime, Meta(tz=True)]


class H5Info(Struct, frozen=True):
    type: Annotated[str, Meta(min_length=1, max_length=32)]


class SceneInfo(Struct, frozen=True):
    payer_client_ip: Annotated[str, Meta(min_length=1, max_length=45)]
    h5_info: H5Info


class H5Order(NativeOrder, frozen=True, kw_only=True):
    scene_info: SceneInfo


class OrderPayer(Struct, frozen=True):
    openid: Annotated[str, Meta(min_length=1, max_length=128)]


class JsapiOrder(NativeOrder, frozen=True, kw_only=True):
    payer: OrderPayer


ORDERS: dict[str, type[NativeOrder]] = {"native": NativeOrder, "h5": H5Order, "jsapi": JsapiOrder}
HANDED = {"native": "code_url", "h5": "h5_url", "jsapi": "prepay_id"}
H5_PAGE = "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id="


class CloseOrder(Struct, frozen=True):
    mchid: str


class WechatWords:
    """How WeChat Pay writes notices."""

    resend_after_s = tuple(min(each / 30, 60.0) for each in REAL_RESEND_S)

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def parcel(self, trade: Trade, behaviour: Behaviour, now: datetime) -> Parcel:
        """Seal and sign the notice of a payment."""
        plain = _trade_body(trade, more_fen=1 if behaviour.wrong_amount else 0)
        event = ("transaction", "TRANSACTION.SUCCESS", "支付成功")
        return self._signed_parcel(self._sealed(trade.event_id, event, plain, now), behaviour, now)

    def _signed_parcel(self, body: bytes, behaviour: Behaviour, now: datetime) -> Parcel:
        """Sign a notice; as during a change of keys, either key may sign it."""
        serial, key = _CHANCE.choice(
            (
                (PUBLIC_KEY_ID, self._keys.wechat_plain),
                (self._keys.certificate_serial, self._keys.wechat_certified),
            )
        )
        stamp_at = now - STALE_BY if behaviour.stale_stamp else now
        headers = signed_headers(body, key, serial=serial, at=stamp_at)
        if behaviour.wrong_serial:
            headers["Wechatpay-Serial"] = FOREIGN_SERIAL
        if behaviour.bad_signature:
            headers["Wechatpay-Signature"] = broken(headers["Wechatpay-Signature"])
        return Parcel(headers, body)

    def is_acknowledged(self, status: int, body: bytes) -> bool:  # noqa: ARG002
        """Any 200 or 204 will do."""
        return status in {200, 204}

    def refund_parcel(
        self, trade: Trade, refund: Refund, *, behaviour: Behaviour, now: datetime
    ) -> Parcel | None:
        """Seal and sign the notice of a refund, whatever its end was."""
        content = refund_notice(trade, refund, more_fen=1 if behaviour.wrong_amount else 0)
        event = ("refund", f"REFUND.{refund.state.upper()}", "退款结果")
        body = self._sealed(refund.event_id, event, content, now)
        return self._signed_parcel(body, behaviour, now)

    def _sealed(
        self, event_id: str, event: tuple[str, str, str], plain: Mapping[str, object], now: datetime
    ) -> bytes:
        original_type, event_type, summary = event
        nonce = secrets.token_hex(6)
        sealed = AESGCM(self._keys.api_v3_key.encode()).encrypt(
            nonce.encode(), json.dumps(plain, ensure_ascii=False).encode(), original_type.encode()
        )
        notice = {
            "id": event_id,
            "create_time": rfc3339(now),
            "resource_type": "encrypt-resource",
            "event_type": event_type,
            "summary": summary,
            "resource": {
                "original_type": original_type,
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": base64.b64encode(sealed).decode(),
                "associated_data": original_type,
                "nonce": nonce,
            },
        }
        return json.dumps(notice, ensure_ascii=False).encode()


class WechatDesk:
    """Takes a merchant's calls."""

    def __init__(self, keys: Keys, clock: Clock, *, book: Book, courier: Courier) -> None:
        self._keys = keys
        self._clock = clock
        self._book = book
        self._courier = courier

    async def create(self, call: Call) -> Reply:
        """POST /v3/pay/transactions/{native,h5,jsapi}."""
        try:
            self._check_signature(call)
            kind = call.target.rsplit("/", 1)[1]
            return self._signed(call, 200, {HANDED[kind]: await self._place(call, kind)})
        except Refused as refused:
            return self._refuse(call, refused)

    async def query(self, call: Call) -> Reply:
        """GET /v3/pay/transactions/out-trade-no/{out_trade_no}."""
        try:
            self._check_signature(call)
            parts = urlsplit(call.target)
            _check_merchant(parse_qs(parts.query).get("mchid", [""])[0])
            trade = self._find(unquote(parts.path.rsplit("/", 1)[1]))
            return self._signed(call, 200, _trade_body(trade))
        except Refused as refused:
            return self._refuse(call, refused)

    async def close(self, call: Call) -> Reply:
        """POST /v3/pay/transactions/out-trade-no/{out_trade_no}/close."""
        try:
            self._check_signature(call)
            _check_merchant(decode(call.body, CloseOrder).mchid)
            self._close(unquote(urlsplit(call.target).path.rsplit("/", 2)[1]))
            return self._signed(call, 204, None)
        except Refused as refused:
            return self._refuse(call, refused)

    def guarded(self, call: Call, content: Callable[[], Mapping[str, object]]) -> Reply:
        """Answer another call of the merchant, signed, with what it asks for."""
        try:
            self._check_signature(call)
            return self._signed(call, 200, content())
        except Refused as refused:
            return self._refuse(call, refused)

    async def _place(self, call: Call, kind: str) -> str:
        asked = decode(call.body, ORDERS[kind])
        now = self._clock.now()
        _check_merchant(asked.mchid)
        if asked.appid != WECHAT_APPID or asked.amount.currency != "CNY":
            raise Refused(400, "PARAM_ERROR", "appid 或 currency 不正确")
        if asked.time_expire <= now:
            raise Refused(400, "PARAM_ERROR", "time_expire 已过期")
        trade = await self._book_order(
            Order(
                provider=Provider.WECHAT,
                out_trade_no=asked.out_trade_no,
                amount_fen=asked.amount.total,
                description=asked.description,
                notify_url=asked.notify_url,
                expires_at=asked.time_expire,
            ),
            now,
        )
        links = {"native": trade.code_url, "h5": f"{H5_PAGE}{trade.event_id}"}
        return links.get(kind, f"wx{trade.provider_txn}")

    async def _book_order(self, order: Order, now: datetime) -> Trade:
        """Book an order once; the same again is answered alike while it can be paid."""
        try:
            trade, is_new = self._book.place(order, now)
        except NumberReused:
            raise Refused(400, "INVALID_REQUEST", "请求重入参数不一致") from None
        except BookFull:
            raise Refused(429, "FREQUENCY_LIMITED", "频率超限") from None
        if is_new:
            await self._courier.take(trade)
        elif trade.state is not State.WAITING:
            word = "ORDERPAID" if trade.state is State.PAID else "ORDER_CLOSED"
            raise Refused(400, word, "订单已支付或已关闭")
        return trade

    def _close(self, out_trade_no: str) -> None:
        trade = self._find(out_trade_no)
        if trade.state is State.PAID:
            raise Refused(400, "ORDERPAID", "订单已支付")
        trade.state = State.CLOSED

    def _find(self, out_trade_no: str) -> Trade:
        trade = self._book.get(Provider.WECHAT, out_trade_no, now=self._clock.now())
        if trade is None:
            raise Refused(404, "ORDER_NOT_EXIST", "订单不存在")
        return trade

    def _check_signature(self, call: Call) -> None:
        """Refuse a call that our one merchant did not sign, or signed long ago."""
        scheme, _, rest = call.headers.get("authorization", "").partition(" ")
        given = dict(_FIELD.findall(rest))
        stamp, nonce = given.get("timestamp", ""), given.get("nonce_str", "")
        lines = f"{call.method}\n{call.target}\n{stamp}\n{nonce}\n".encode()
        text = lines + call.body + b"\n"
        now_s = self._clock.now().timestamp()
        if not (
            scheme == "WECHATPAY2-SHA256-RSA2048"
            and (given.get("mchid"), given.get("serial_no")) == (MCHID, MERCHANT_SERIAL)
            and stamp.isdecimal()
            and abs(now_s - int(stamp)) <= CLOCK_SKEW_MAX_S
            and rsa_fits(self._keys.merchant, text, given.get("signature", ""))
        ):
            raise Refused(401, "SIGN_ERROR", "签名错误")

    def _refuse(self, call: Call, refused: Refused) -> Reply:
        if refused.status == 401:  # noqa: PLR2004
            return Reply(401, json.dumps(refused.body, ensure_ascii=False).encode())
        return self._signed(call, refused.status, refused.body)

    def _signed(self, call: Call, status: int, content: Mapping[str, object] | None) -> Reply:
        """Sign an answer with the key that the caller names, else with the plain one."""
        body = b"" if content is None else json.dumps(content, ensure_ascii=False).encode()
        serial, key = PUBLIC_KEY_ID, self._keys.wechat_plain
        if call.headers.get("wechatpay-serial") == self._keys.certificate_serial:
            serial, key = self._keys.certificate_serial, self._keys.wechat_certified
        return Reply(status, body, signed_headers(body, key, serial=serial, at=self._clock.now()))


def signed_headers(body: bytes, key: RSAPrivateKey, *, serial: str, at: datetime) -> dict[str, str]:
    """Return the headers by which WeChat Pay signs an answer or a notice."""
    stamp, nonce = str(int(at.timestamp())), secrets.token_hex(16)
    return {
        "Content-Type": "application/json",
        "Wechatpay-Timestamp": stamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": serial,
        "Wechatpay-Signature": rsa_sign(key, f"{stamp}\n{nonce}\n".encode() + body + b"\n"),
        "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
        "Request-ID": secrets.token_hex(16).upper(),
    }


def refund_notice(trade: Trade, refund: Refund, *, more_fen: int = 0) -> dict[str, object]:
    """Return what the notice of a refund says in its sealed part."""
    body: dict[str, object] = {
        "mchid": MCHID,
        "transaction_id": trade.provider_txn,
        "out_trade_no": trade.order.out_trade_no,
        "refund_id": refund.provider_refund,
        "out_refund_no": refund.order.refund_no,
        "refund_status": refund.state.upper(),
        "user_received_account": "支付用户零钱",
        "amount": {
            "total": trade.order.amount_fen,
            "refund": refund.order.amount_fen + more_fen,
            "payer_total": trade.order.amount_fen,
            "payer_refund": refund.order.amount_fen + more_fen,
        },
    }
    if refund.ended_at is not None:
        body["success_time"] = rfc3339(refund.ended_at)
    return body


def _trade_body(trade: Trade, *, more_fen: int = 0) -> dict[str, object]:
    word, sentence = _STATE_WORDS[trade.state]
    body: dict[str, object] = {
        "appid": WECHAT_APPID,
        "mchid": MCHID,
        "out_trade_no": trade.order.out_trade_no,
        "trade_state": word,
        "trade_state_desc": sentence,
        "amount": {"total": trade.order.amount_fen + more_fen, "currency": "CNY"},
    }
    if trade.paid_at is not None:
        body |= {
            "transaction_id": trade.provider_txn,
            "trade_type": "NATIVE",
            "bank_type": "OTHERS",
            "success_time": rfc3339(trade.paid_at),
            "payer": {"openid": "o-simulated-payer"},
        }
    return body


def decode(body: bytes, kind: type[T]) -> T:
    """Read a call's body, or refuse it in the provider's words."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Refused(400, "PARAM_ERROR", f"参数错误: {error}") from error


def _check_merchant(mchid: str) -> None:
    if mchid != MCHID:
        raise Refused(400, "PARAM_ERROR", "mchid 与签名不一致")


def rfc3339(at: datetime) -> str:
    """Write an instant as WeChat Pay does."""
    return at.astimezone(CHINA).isoformat(timespec="seconds")
