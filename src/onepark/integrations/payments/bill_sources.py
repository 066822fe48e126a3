"""Where the bills of channels come from.

Owns: asking for a file, fetching it while its address lives, and what the refusals of it mean.
Never: fetches from a host that is not the provider's, or believes what it fetched.
"""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode, urlsplit

import msgspec
from msgspec import Struct

from onepark.contexts.payments.errors import ChannelDeclined, ChannelUnavailable
from onepark.contexts.payments.ports import Channel
from onepark.contexts.reconciliation.errors import BillEmpty, BillUnready
from onepark.contexts.reconciliation.model import AccountBill, Fetched, FileKind, TradeBill
from onepark.contexts.reconciliation.ports import BillSource
from onepark.infra.clock import Clock
from onepark.infra.http_client import HttpAnswer, HttpClient, PeerUnavailable
from onepark.integrations.payments import alipay_bills, wechat_bills
from onepark.integrations.payments.alipay import AlipayChannel
from onepark.integrations.payments.wechat import WechatChannel
from onepark.kernel.types import CHINA

DONE = 200
SHA1 = "SHA1"
NOTHING = "NO_STATEMENT_EXIST"
UNREADY = frozenset({"STATEMENT_CREATING", "INVALID_REQUEST", "FREQUENCY_LIMITED"})
ALIPAY_HOSTS = ".alipay.com"
ALIPAY_NOTHING = "bill_not_exist"
SURELY_WRITTEN_AT = time(18)  # of the next day: what Alipay does not have by then was never written


class Announced(Struct, frozen=True):
    """What WeChat's signed answer says of a file."""

    hash_type: str
    hash_value: str
    download_url: str


class Declined(Struct, frozen=True):
    code: str = ""


class WechatBillSource:
    """WeChat Pay's trade bills and the flow of the basic account."""

    name = "wechat"
    kinds: tuple[FileKind, ...] = (FileKind.TRADE, FileKind.FUND)

    def __init__(self, channel: WechatChannel, client: HttpClient) -> None:
        self.merchant = channel.merchant
        self._channel, self._client = channel, client

    async def fetch(self, kind: FileKind, day: date) -> Fetched:
        """Ask for a file and fetch it; its SHA-1 comes with the signed answer."""
        asked = {"bill_date": day.isoformat(), "tar_type": "GZIP"}
        if kind is FileKind.TRADE:
            path = f"/v3/bill/tradebill?{urlencode({**asked, 'bill_type': 'ALL'})}"
        else:
            path = f"/v3/bill/fundflowbill?{urlencode({**asked, 'account_type': 'BASIC'})}"
        announced = _announced(await self._channel.ask(path))
        parts, ours = urlsplit(announced.download_url), urlsplit(self._channel.base_url)
        if (parts.scheme, parts.netloc) != (ours.scheme, ours.netloc):
            raise ChannelUnavailable("WeChat Pay names a bill at a host that is not its own.")
        headers = self._channel.signed_headers(f"{parts.path}?{parts.query}")
        body = await _download(self._client, announced.download_url, headers)
        return Fetched(body, announced.hash_value)

    def read_trades(self, fetched: Fetched, day: date) -> TradeBill:
        """Return the trades of a day."""
        return wechat_bills.read_trades(fetched, day, merchant=self.merchant)

    def read_funds(self, fetched: Fetched, day: date) -> AccountBill:
        """Return the movements of a day."""
        return wechat_bills.read_funds(fetched, day)


class AlipayBillSource:
    """Alipay's trade bills and the bills of the seller's account."""

    name = "alipay"
    kinds: tuple[FileKind, ...] = (FileKind.TRADE, FileKind.FUND)

    def __init__(self, channel: AlipayChannel, client: HttpClient, clock: Clock) -> None:
        self.merchant = channel.merchant
        self._channel, self._client, self._clock = channel, client, clock

    async def fetch(self, kind: FileKind, day: date) -> Fetched:
        """Ask for an address and fetch from it at once."""
        bill_type = "trade" if kind is FileKind.TRADE else "signcustomer"
        try:
            url = await self._channel.bill_url(bill_type, day.isoformat())
        except ChannelDeclined as declined:
            code = str(declined.facts.get("provider_code")).casefold().replace("-", "_")
            if not code.endswith(ALIPAY_NOTHING):
                raise
            raise self._nothing(day) from declined
        parts, ours = urlsplit(url), urlsplit(self._channel.base_url)
        own = parts.scheme == "https" and (parts.hostname or "").endswith(ALIPAY_HOSTS)
        if not own and (parts.scheme, parts.netloc) != (ours.scheme, ours.netloc):
            raise ChannelUnavailable("Alipay names a bill at a host that is not its own.")
        return Fetched(await _download(self._client, url, {"User-Agent": "OnePark"}))

    def _nothing(self, day: date) -> Exception:
        """Alipay has one word for what it has not written yet and for what it never will."""
        surely_at = datetime.combine(day + timedelta(days=1), SURELY_WRITTEN_AT, CHINA)
        return BillEmpty() if self._clock.now() >= surely_at else BillUnready(ALIPAY_NOTHING)

    def read_trades(self, fetched: Fetched, day: date) -> TradeBill:
        """Return the trades of a day."""
        return alipay_bills.read_trades(fetched, day, merchant=self.merchant)

    def read_funds(self, fetched: Fetched, day: date) -> AccountBill:
        """Return the movements of a day."""
        return alipay_bills.read_funds(fetched, day, merchant=self.merchant)


def open_bill_sources(
    channels: Mapping[str, Channel], client: HttpClient, clock: Clock
) -> dict[str, BillSource]:
    """Return the sources of those channels whose bills we read."""
    sources: dict[str, BillSource] = {}
    for name, channel in channels.items():
        if isinstance(channel, WechatChannel):
            sources[name] = WechatBillSource(channel, client)
        elif isinstance(channel, AlipayChannel):
            sources[name] = AlipayBillSource(channel, client, clock)
    return sources


def _announced(answer: HttpAnswer) -> Announced:
    """Read where a file is, or why there is none."""
    try:
        if answer.status == DONE:
            announced = msgspec.json.decode(answer.body, type=Announced)
        else:
            code = msgspec.json.decode(answer.body, type=Declined).code
    except (msgspec.DecodeError, RecursionError) as error:
        raise ChannelUnavailable("WeChat Pay answered in a form that is not its own.") from error
    if answer.status != DONE:
        if code == NOTHING:
            raise BillEmpty
        if code in UNREADY:
            raise BillUnready(code)
        raise ChannelDeclined(f"WeChat Pay declined: {code}", provider_code=code)
    if announced.hash_type != SHA1:
        raise ChannelUnavailable("WeChat Pay announces a file by a digest that is unknown.")
    return announced


async def _download(client: HttpClient, url: str, headers: Mapping[str, str]) -> bytes:
    try:
        answer = await client.request("GET", url, headers=headers)
    except PeerUnavailable as error:
        raise ChannelUnavailable("The bill could not be fetched.") from error
    if answer.status != DONE:
        raise BillUnready(f"The download answered {answer.status}.")
    if not answer.body:
        raise BillUnready("The file was empty.")
    return answer.body
