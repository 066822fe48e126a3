"""Where a merchant asks for bills and downloads them.

Owns: the calls of both dialects about bills, addresses that die, and faults on demand.
Never: writes a bill of a day that is not over, unless a tester allows it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from secrets import token_hex
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import ValidationException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import Meta, Struct

from onepark.infra.clock import Clock
from onepark.kernel.types import CHINA
from onepark.simulator.providers import alipay, bills, wechat
from onepark.simulator.providers.bills import BillRow, Fault
from onepark.simulator.providers.refunds import RefundBook
from onepark.simulator.providers.trades import Book, Provider
from onepark.simulator.providers.wechat import WechatDesk
from onepark.simulator.providers.wire import Call, Reply

READY_AT = time(9)  # of the next day
WECHAT_LIVES = timedelta(minutes=5)
ALIPAY_LIVES = timedelta(seconds=30)
FILES_KEPT = 200
DOWNLOADS = {Provider.WECHAT: "/v3/billdownload/file", Provider.ALIPAY: "/downloadBill"}


class Wish(Struct, frozen=True, forbid_unknown_fields=True):
    """What a tester wants of the bills of one provider."""

    provider: Provider
    fault: Fault = Fault.NONE
    only: str | None = None  # trade or fund; None: both
    today: bool = False  # bills of days that are not over may be had


class Booking(Struct, frozen=True, forbid_unknown_fields=True):
    """When a provider says in its bill that a trade was paid."""

    paid_at: Annotated[datetime, Meta(tz=True)]


@dataclass(frozen=True)
class Waiting:
    """A file that waits to be downloaded."""

    body: bytes
    until: datetime


class BillDesk:
    """Writes bills when they are asked for."""

    def __init__(self, clock: Clock, *, book: Book, refunds: RefundBook) -> None:
        self._clock, self._book, self._refunds = clock, book, refunds
        self._wishes: dict[Provider, Wish] = {}
        self._files: dict[str, Waiting] = {}

    def wish(self, wish: Wish) -> Wish:
        """Let a fault hold from now on."""
        self._wishes[wish.provider] = wish
        return wish

    def wechat(self, call: Call, kind: str) -> Mapping[str, object]:
        """GET /v3/bill/tradebill and /v3/bill/fundflowbill."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(call.target).query).items()}
        day = _day(query.get("bill_date", ""))
        if day is None:
            raise wechat.Refused(400, "PARAM_ERROR", "bill_date 无效")
        fault = self._fault(Provider.WECHAT, kind)
        if fault is Fault.NOT_READY or not self._is_over(Provider.WECHAT, day):
            raise wechat.Refused(400, "STATEMENT_CREATING", "账单生成中")
        rows = self._rows(Provider.WECHAT, day, fault)
        if not rows:
            raise wechat.Refused(400, "NO_STATEMENT_EXIST", "账单文件不存在")
        off_fen = 1 if fault is Fault.WRONG_TOTALS else 0
        write = bills.wechat_trades if kind == "trade" else bills.wechat_funds
        text = write(rows, off_fen=off_fen)
        digest = bills.sha1(text + (b"!" if fault is Fault.WRONG_SHA1 else b""))
        body = bills.packed(text) if query.get("tar_type") == "GZIP" else text
        url = self._keep(Provider.WECHAT, body, call, WECHAT_LIVES)
        return {"hash_type": "SHA1", "hash_value": digest, "download_url": url}

    async def alipay(self, given: Mapping[str, str]) -> dict[str, str]:
        """alipay.data.dataservice.bill.downloadurl.query."""
        asked = msgspec.json.decode(given.get("biz_content", "{}"), type=dict[str, str])
        kind = {"trade": "trade", "signcustomer": "fund"}.get(asked.get("bill_type", ""))
        day = _day(asked.get("bill_date", ""))
        if kind is None or day is None:
            raise alipay.Refused("40004", "isv.invalid-arguments", "参数有误")
        fault = self._fault(Provider.ALIPAY, kind)
        rows = self._rows(Provider.ALIPAY, day, fault)
        late = fault is Fault.NOT_READY or not self._is_over(Provider.ALIPAY, day)
        if late or not rows:
            raise alipay.Refused("40004", "isp.bill_not_exist", "账单不存在")
        write = bills.alipay_trades if kind == "trade" else bills.alipay_funds
        body = write(rows, day, off_fen=1 if fault is Fault.WRONG_TOTALS else 0)
        token = self._token(body, ALIPAY_LIVES)
        host = given.get(alipay.HOST, "")
        return {"bill_download_url": f"{host}{DOWNLOADS[Provider.ALIPAY]}?token={token}"}

    def book_at(self, out_trade_no: str, booking: Booking) -> Booking:
        """Move a paid trade within the bills."""
        trade = self._book.find(out_trade_no, now=self._clock.now())
        if trade is None or trade.paid_at is None:
            raise KeyError(out_trade_no)
        trade.paid_at = booking.paid_at
        return booking

    def download(self, call: Call) -> Reply:
        """Hand a file out while its address lives."""
        token = parse_qs(urlsplit(call.target).query).get("token", [""])[0]
        file = self._files.get(token)
        if file is None or self._clock.now() >= file.until:
            return Reply(400, b"expired", media_type="text/plain")
        return Reply(200, file.body, media_type="application/octet-stream")

    def _rows(self, provider: Provider, day: date, fault: Fault) -> list[BillRow]:
        trades = self._book.trades(now=self._clock.now())
        rows = bills.rows_of(trades, self._refunds, provider, day)
        return bills.spoiled(rows, fault)

    def _fault(self, provider: Provider, kind: str) -> Fault:
        wish = self._wishes.get(provider)
        return Fault.NONE if wish is None or wish.only not in {None, kind} else wish.fault

    def _is_over(self, provider: Provider, day: date) -> bool:
        """Say whether a day's bill is written by now."""
        wish = self._wishes.get(provider)
        if wish is not None and wish.today:
            return True
        ready_at = datetime.combine(day + timedelta(days=1), READY_AT, CHINA)
        return self._clock.now() >= ready_at

    def _keep(self, provider: Provider, body: bytes, call: Call, lives: timedelta) -> str:
        return f"{host_of(call)}{DOWNLOADS[provider]}?token={self._token(body, lives)}"

    def _token(self, body: bytes, lives: timedelta) -> str:
        while len(self._files) >= FILES_KEPT:
            self._files.pop(next(iter(self._files)))
        token = token_hex(16)
        self._files[token] = Waiting(body, self._clock.now() + lives)
        return token


def host_of(call: Call) -> str:
    """Return where this process is reached: it speaks plain HTTP on loopback."""
    return f"http://{call.headers.get('host', '127.0.0.1')}"


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@get("/v3/bill/tradebill")
async def wechat_trade_bill(
    call: NamedDependency[Call],
    wechat: NamedDependency[WechatDesk],
    bill_desk: NamedDependency[BillDesk],
) -> Response[bytes]:
    """Say where the trade bill of a day is."""
    return _response(wechat.guarded(call, lambda: bill_desk.wechat(call, "trade")))


@get("/v3/bill/fundflowbill")
async def wechat_fund_bill(
    call: NamedDependency[Call],
    wechat: NamedDependency[WechatDesk],
    bill_desk: NamedDependency[BillDesk],
) -> Response[bytes]:
    """Say where the flow of funds of a day is."""
    return _response(wechat.guarded(call, lambda: bill_desk.wechat(call, "fund")))


@get("/v3/billdownload/file")
async def wechat_download(
    call: NamedDependency[Call],
    wechat: NamedDependency[WechatDesk],
    bill_desk: NamedDependency[BillDesk],
) -> Response[bytes]:
    """Hand a file to the merchant who signs for it; the answer itself bears no signature."""
    admitted = wechat.guarded(call, dict)
    return _response(bill_desk.download(call) if admitted.status == 200 else admitted)  # noqa: PLR2004


@get("/downloadBill")
async def alipay_download(
    call: NamedDependency[Call], bill_desk: NamedDependency[BillDesk]
) -> Response[bytes]:
    """Hand a file to whoever has its address."""
    return _response(bill_desk.download(call))


@post("/_simulator/bills", status_code=200)
async def change_bills(call: NamedDependency[Call], bill_desk: NamedDependency[BillDesk]) -> Wish:
    """Let the bills of a provider have a fault."""
    try:
        return bill_desk.wish(msgspec.json.decode(call.body, type=Wish))
    except msgspec.DecodeError as error:
        raise ValidationException(str(error)) from error


@post("/_simulator/trades/{out_trade_no:str}/booked", status_code=200)
async def book_later(
    out_trade_no: FromPath[str], call: NamedDependency[Call], bill_desk: NamedDependency[BillDesk]
) -> Booking:
    """Let a paid trade stand in the bill of another moment than its notice told."""
    try:
        return bill_desk.book_at(out_trade_no, msgspec.json.decode(call.body, type=Booking))
    except (msgspec.DecodeError, KeyError) as error:
        raise ValidationException(str(error)) from error


def _response(reply: Reply) -> Response[bytes]:
    return Response(
        reply.body,
        status_code=reply.status,
        headers=dict(reply.headers),
        media_type=reply.media_type,
    )


ROUTES: list[HTTPRouteHandler] = [
    wechat_trade_bill,
    wechat_fund_bill,
    wechat_download,
    alipay_download,
    change_bills,
    book_later,
]
