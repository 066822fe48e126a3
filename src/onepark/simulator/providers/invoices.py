"""WeChat Pay's side of invoices.

Owns: applications by number, each once; four calls of API v3; when an invoice is made out or taken
back; and how a tester has them misbehave.
Never: makes out a second invoice under one number, or answers a call whose signature is wrong.
"""

import asyncio
import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from secrets import randbelow
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.hashes import SHA1
from msgspec import Struct

from onepark.infra.clock import Clock
from onepark.simulator.providers.courier import Courier
from onepark.simulator.providers.invoice_forms import (
    RATE_BASE,
    Application,
    InvoiceBehaviour,
    Reversal,
)
from onepark.simulator.providers.keys import PUBLIC_KEY_ID, Keys
from onepark.simulator.providers.trades import Book
from onepark.simulator.providers.wechat import Refused, WechatDesk, decode, rfc3339
from onepark.simulator.providers.wire import Call, Reply

APPLICATIONS_MAX = 100_000
ANSWER_HELD_S = 30.0
NUMBER_DIGITS = 20


@dataclass
class Fapiao:
    """An application and what became of it."""

    asked: Application
    email: str | None
    due_at: float  # when it is made out, or taken back
    blue: str | None = None
    blue_at: datetime | None = None
    red: str | None = None
    red_at: datetime | None = None
    red_asked: bool = False
    applied: int = 1

    def move(self, now: datetime) -> None:
        """Let happen what is due."""
        if now.timestamp() < self.due_at:
            return
        if self.blue is None:
            self.blue, self.blue_at = _number(now), now
        elif self.red_asked and self.red is None:
            self.red, self.red_at = _number(now), now

    @property
    def status(self) -> str:
        """Return how it stands, in WeChat's words."""
        if self.blue is None:
            return "ISSUE_ACCEPTED"
        if not self.red_asked:
            return "ISSUED"
        return "REVERSE_ACCEPTED" if self.red is None else "REVERSED"


class FapiaoLine(Struct, frozen=True):
    """An application in the tester's book."""

    fapiao_apply_id: str
    status: str
    total_amount: int
    blue: str | None
    red: str | None
    buyer: str
    email: str | None
    applied: int


class WechatInvoiceDesk(WechatDesk):
    """Takes a service provider's calls for invoices."""

    def __init__(self, keys: Keys, clock: Clock, *, book: Book, courier: Courier) -> None:
        super().__init__(keys, clock, book=book, courier=courier)
        self.behaviour = InvoiceBehaviour()
        self._applications: dict[str, Fapiao] = {}

    async def apply(self, call: Call) -> Reply:
        """POST …/fapiao-applications/real-estate-leasing."""
        try:
            self._check_signature(call)
            self._apply(call, decode(call.body, Application))
            if self.behaviour.answer_timeout:
                await asyncio.sleep(ANSWER_HELD_S)
            return self._signed(call, 202, {})
        except Refused as refused:
            return self._refuse(call, refused)

    async def show(self, call: Call) -> Reply:
        """GET …/fapiao-applications/{fapiao_apply_id}."""
        try:
            self._check_signature(call)
            found = self._found(call)
            more = 1 if self.behaviour.wrong_amount else 0
            body = {"total_count": 1, "fapiao_information": [_information(found, more)]}
            return self._signed(call, 200, body)
        except Refused as refused:
            return self._refuse(call, refused)

    async def reverse(self, call: Call) -> Reply:
        """POST …/fapiao-applications/{fapiao_apply_id}/reverse."""
        try:
            self._check_signature(call)
            asked, found = decode(call.body, Reversal), self._issued(call)
            _demand(asked.fapiao_information[0].fapiao_number == found.blue, "号码不符")
            if not found.red_asked:
                found.red_asked = True
                found.due_at = self._clock.now().timestamp() + self.behaviour.delay_s
            return self._signed(call, 202, {})
        except Refused as refused:
            return self._refuse(call, refused)

    async def files(self, call: Call) -> Reply:
        """GET …/fapiao-applications/{fapiao_apply_id}/fapiao-files."""
        try:
            self._check_signature(call)
            found = self._issued(call)
            host = call.headers.get("host", "127.0.0.1")
            number = found.asked.fapiao_apply_id
            listed = {
                "fapiao_id": number,
                "download_url": f"http://{host}/invoicing/fapiao-file?token={number}",
                "status": found.status,
            }
            return self._signed(call, 200, {"fapiao_download_info_list": [listed]})
        except Refused as refused:
            return self._refuse(call, refused)

    async def file(self, call: Call) -> Reply:
        """GET /invoicing/fapiao-file: a PDF that says no more than that it is one."""
        try:
            self._check_signature(call)
            token = parse_qs(urlsplit(call.target).query).get("token", [""])[0]
            found = self._applications.get(token)
            _demand(found is not None, "文件不存在")
            text = f"%PDF-1.4\n% simulated invoice {token}\n%%EOF\n"
            return Reply(200, text.encode(), {}, "application/pdf")
        except Refused as refused:
            return self._refuse(call, refused)

    def books(self) -> list[FapiaoLine]:
        """Return every application, in order of coming."""
        for one in self._applications.values():
            one.move(self._clock.now())
        return [
            FapiaoLine(
                number,
                one.status,
                one.asked.fapiao_information.total_amount,
                one.blue,
                one.red,
                one.asked.buyer_information.name,
                one.email,
                one.applied,
            )
            for number, one in self._applications.items()
        ]

    def _apply(self, call: Call, asked: Application) -> None:
        if self.behaviour.refuse:
            raise Refused(400, self.behaviour.refuse, "开票被拒绝")
        information = asked.fapiao_information
        if sum(item.total_amount for item in information.items) != information.total_amount:
            raise Refused(400, "PARAM_ERROR", "总价税合计与明细不符")
        paid = sum(one.amount for one in information.transaction_information)
        if paid < information.total_amount:
            raise Refused(400, "PARAM_ERROR", "开票金额超过交易金额")
        email = self._opened(call, asked.buyer_information.email)
        self._opened(call, asked.buyer_information.phone)
        earlier = self._applications.get(asked.fapiao_apply_id)
        if earlier is not None:
            earlier.applied += 1
            if _same(earlier.asked) != _same(asked):
                raise Refused(400, "INVALID_REQUEST", "请求重入参数不一致")
            return
        if len(self._applications) >= APPLICATIONS_MAX:
            raise Refused(429, "FREQUENCY_LIMITED", "频率超限")
        if not self.behaviour.lose:
            due_at = self._clock.now().timestamp() + self.behaviour.delay_s
            self._applications[asked.fapiao_apply_id] = Fapiao(asked, email, due_at)

    def _opened(self, call: Call, sealed: str | None) -> str | None:
        """Open what was encrypted for us with the key that the call names."""
        if sealed is None:
            return None
        plain = call.headers.get("wechatpay-serial") == PUBLIC_KEY_ID
        key = self._keys.wechat_plain if plain else self._keys.wechat_certified
        padding = OAEP(MGF1(SHA1()), SHA1(), None)  # noqa: S303  WeChat Pay prescribes it
        try:
            return key.decrypt(base64.b64decode(sealed, validate=True), padding).decode()
        except (ValueError, binascii.Error) as error:
            raise Refused(400, "PARAM_ERROR", "敏感字段解密失败") from error

    def _issued(self, call: Call) -> Fapiao:
        found = self._found(call, tail=1)
        _demand(found.blue is not None, "发票未开具")
        return found

    def _found(self, call: Call, *, tail: int = 0) -> Fapiao:
        parts = urlsplit(call.target).path.split("/")
        found = self._applications.get(unquote(parts[-1 - tail]))
        if found is None:
            raise Refused(404, "RESOURCE_NOT_EXISTS", "发票申请单不存在")
        found.move(self._clock.now())
        return found


def _demand(holds: bool, sentence: str) -> None:  # noqa: FBT001  a claim
    if not holds:
        raise Refused(400, "INVALID_REQUEST", sentence)


def _same(asked: Application) -> bytes:
    """Return what must be the same when a number comes again: what is encrypted differs."""
    buyer = msgspec.structs.replace(asked.buyer_information, phone=None, email=None)
    return msgspec.json.encode(msgspec.structs.replace(asked, buyer_information=buyer))


def _number(now: datetime) -> str:
    """Return a number of 20 digits, as 数电发票 have."""
    return f"{now:%y}32{randbelow(10**16):016d}"[:NUMBER_DIGITS]


def _information(found: Fapiao, more_fen: int) -> dict[str, object]:
    information = found.asked.fapiao_information
    total = information.total_amount + more_fen
    tax = sum(
        round(item.total_amount * item.tax_rate / (RATE_BASE + item.tax_rate))
        for item in information.items
    )
    body: dict[str, object] = {
        "fapiao_id": information.fapiao_id,
        "status": found.status,
        "total_amount": total,
        "tax_amount": tax,
        "amount": total - tax,
    }
    for name, number, at in (
        ("blue_fapiao", found.blue, found.blue_at),
        ("red_fapiao", found.red, found.red_at),
    ):
        if number is not None and at is not None:
            body[name] = {"fapiao_code": "", "fapiao_number": number, "fapiao_time": rfc3339(at)}
    return body
