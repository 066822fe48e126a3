"""The payments file: which channels are open, and with which keys.

Owns: its form, and every start-up test of keys and addresses.
Never: opens a channel that fails a test, or knows a way to leave one out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from onepark.contexts.payments.ports import Channel
from onepark.infra.clock import Clock
from onepark.infra.http_client import HttpClient
from onepark.integrations.payments import acquirers, keys
from onepark.integrations.payments.acquirers import (
    Ends,
    JsbankSettings,
    PyunSettings,
    UnionpaySettings,
)
from onepark.integrations.payments.alipay import AlipayChannel
from onepark.integrations.payments.alipay_messages import AlipayMessages
from onepark.integrations.payments.keys import ChannelMisconfigured, KeyRing, ProviderKey
from onepark.integrations.payments.wechat import WechatChannel
from onepark.integrations.payments.wechat_wire import API_V3_KEY_BYTES, MerchantKeys

PUBLIC_KEY_PREFIX = "PUB_KEY_ID_"
FILE_BYTES_MAX = 65_536


class PlatformKeyFile(Struct, frozen=True, forbid_unknown_fields=True):
    """One of WeChat Pay's keys under the name that ``Wechatpay-Serial`` calls it by."""

    kind: Literal["public_key", "certificate"]
    serial: str
    file: str


class WechatSettings(Struct, frozen=True, forbid_unknown_fields=True):
    mchid: str
    appid: str
    merchant_serial: str
    merchant_key_file: str
    api_v3_key_file: str
    platform_keys: list[PlatformKeyFile]
    answer_serial: str  # the platform key that answers are to be signed with
    base_url: str = "https://api.mch.weixin.qq.com"


class AlipaySettings(Struct, frozen=True, forbid_unknown_fields=True):
    app_id: str
    seller_id: str
    app_key_file: str
    alipay_public_key_file: str
    message_public_key_file: str = ""  # what messages to the app are signed with; empty: none come
    base_url: str = "https://openapi.alipay.com/gateway.do"


class PaymentsFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file; a channel that is not named is not open."""

    wechat: WechatSettings | None = None
    alipay: AlipaySettings | None = None
    unionpay: UnionpaySettings | None = None
    pyun: PyunSettings | None = None
    jsbank: JsbankSettings | None = None


@dataclass(frozen=True)
class Opened:
    """The channels by name, and when the certificates that they work with end."""

    channels: Mapping[str, Channel]
    ends: Ends


def open_channels(
    path: Path, client: HttpClient, clock: Clock, *, demo: bool
) -> Mapping[str, Channel]:
    """Open every channel of the file by name, for good."""
    return open_file(path, client, clock, demo=demo).channels


def open_file(path: Path, client: HttpClient, clock: Clock, *, demo: bool) -> Opened:
    """Open every channel of the file by name; a channel that may not open stops the start.

    Key files stand relative to the file. Plain http is for a demonstration on this machine only.
    """
    given, folder = _read_file(path), path.parent
    ends: Ends = {}
    for one in (given.wechat, given.alipay, given.unionpay, given.pyun, given.jsbank):
        if one is not None:
            _check_base_url(one.base_url, demo=demo)
    opened = _open_wallets(given, folder, client, clock, ends=ends)
    if given.unionpay is not None:
        made = acquirers.open_unionpay(given.unionpay, folder, client, clock, ends=ends)
        opened[made.name] = made
    if given.pyun is not None:
        opened["pyun"] = acquirers.open_pyun(given.pyun, folder, client)
    if given.jsbank is not None:
        bank = acquirers.open_jsbank(given.jsbank, folder, client, clock, ends=ends)
        opened[bank.name] = bank
    return Opened(opened, ends)


def _open_wallets(
    given: PaymentsFile, folder: Path, client: HttpClient, clock: Clock, *, ends: Ends
) -> dict[str, Channel]:
    opened: dict[str, Channel] = {}
    if given.wechat is not None:
        opened["wechat"] = _open_wechat(given.wechat, folder, client, clock, ends=ends)
    if given.alipay is not None:
        opened["alipay"] = _open_alipay(given.alipay, folder, client, clock)
        if given.alipay.message_public_key_file:
            opened["alipay_messages"] = _open_messages(given.alipay, folder)
    return opened


def files_of(path: Path) -> list[Path]:
    """Return the file and every file that it names; whatever of it cannot be read is left out."""
    try:
        said = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError):
        return [path]
    return [path, *(path.parent / name for name in _named(said))]


def _named(said: object) -> Iterator[str]:
    """Walk through what a file says for the values whose name ends in file or files."""
    if isinstance(said, list):
        for each in said:
            yield from _named(each)
    if isinstance(said, dict):
        for name, value in said.items():
            if name.endswith("file") and isinstance(value, str) and value:
                yield value
            elif name.endswith("files") and isinstance(value, list):
                yield from (each for each in value if isinstance(each, str))
            else:
                yield from _named(value)


def check_notify_url(url: str, *, demo: bool) -> None:
    """Refuse an address that a provider would not call: it has a query, or no https."""
    parts = urlsplit(url)
    if parts.query or parts.fragment or "?" in url:
        raise ChannelMisconfigured(f"the notice address {url} has a query")
    if parts.scheme != "https" and not (demo and parts.scheme == "http"):
        raise ChannelMisconfigured(f"the notice address {url} is not https")


def _read_file(path: Path) -> PaymentsFile:
    try:
        raw = path.read_bytes()
        if len(raw) > FILE_BYTES_MAX:
            raise ChannelMisconfigured(f"{path.name} has more than {FILE_BYTES_MAX} bytes")
        return msgspec.json.decode(raw, type=PaymentsFile)
    except OSError as error:
        raise ChannelMisconfigured(f"{path.name} cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise ChannelMisconfigured(f"{path.name}: {error}") from error


class WechatMerchant(NamedTuple):
    """What WeChat Pay knows us by, tested: whatever is asked of it is signed so."""

    base_url: str
    mchid: str
    held: MerchantKeys
    answer_serial: str


def wechat_merchant(path: Path, *, demo: bool) -> WechatMerchant | None:
    """Return the merchant of a payments file; None if it opens no WeChat Pay."""
    given = _read_file(path).wechat
    if given is None:
        return None
    _check_base_url(given.base_url, demo=demo)
    return _merchant(given, path.parent)


def _merchant(given: WechatSettings, folder: Path, *, ends: Ends | None = None) -> WechatMerchant:
    merchant_key = keys.read_private_key(folder / given.merchant_key_file)
    ring = {one.serial: _platform_key(one, folder) for one in given.platform_keys}
    _check_ring(ring, given)
    for serial, key in ring.items():
        keys.check_not_our_own(key, merchant_key, field=f"wechat.platform_keys {serial}")
        if ends is not None and key.expires_at is not None:
            ends["wechat", serial] = key.expires_at
    held = MerchantKeys(
        merchant_serial=given.merchant_serial,
        merchant_key=merchant_key,
        api_v3_key=_api_v3_key(folder / given.api_v3_key_file),
        ring=ring,
    )
    return WechatMerchant(given.base_url, given.mchid, held, given.answer_serial)


def _open_wechat(
    given: WechatSettings, folder: Path, client: HttpClient, clock: Clock, *, ends: Ends
) -> WechatChannel:
    merchant = _merchant(given, folder, ends=ends)
    return WechatChannel(client, clock, appid=given.appid, **merchant._asdict())


def _open_alipay(
    given: AlipaySettings, folder: Path, client: HttpClient, clock: Clock
) -> AlipayChannel:
    app_key = keys.read_private_key(folder / given.app_key_file)
    alipay_key = keys.read_public_key(folder / given.alipay_public_key_file)
    keys.check_not_our_own(alipay_key, app_key, field="alipay.alipay_public_key_file")
    return AlipayChannel(
        client,
        clock,
        base_url=given.base_url,
        app_id=given.app_id,
        seller_id=given.seller_id,
        app_key=app_key,
        alipay_key=alipay_key.public,
    )


def _open_messages(given: AlipaySettings, folder: Path) -> AlipayMessages:
    message_key = keys.read_public_key(folder / given.message_public_key_file)
    app_key = keys.read_private_key(folder / given.app_key_file)
    keys.check_not_our_own(message_key, app_key, field="alipay.message_public_key_file")
    return AlipayMessages(
        app_id=given.app_id, seller_id=given.seller_id, message_key=message_key.public
    )


def _platform_key(one: PlatformKeyFile, folder: Path) -> ProviderKey:
    """Read one key, by the kind that the file names and not by what it looks like."""
    named_public = one.serial.startswith(PUBLIC_KEY_PREFIX)
    if named_public != (one.kind == "public_key"):
        raise ChannelMisconfigured(f"wechat.platform_keys: {one.serial} is no {one.kind}")
    if one.kind == "public_key":
        return keys.read_public_key(folder / one.file)
    return keys.read_certificate(folder / one.file, serial=one.serial)


def _check_ring(ring: KeyRing, given: WechatSettings) -> None:
    if len(ring) != len(given.platform_keys):
        raise ChannelMisconfigured("wechat.platform_keys names one serial twice")
    if given.answer_serial not in ring:
        raise ChannelMisconfigured("wechat.answer_serial is none of wechat.platform_keys")


def _api_v3_key(path: Path) -> bytes:
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise ChannelMisconfigured(f"{path.name} cannot be read: {error.strerror}") from error
    if len(key) != API_V3_KEY_BYTES:
        raise ChannelMisconfigured(
            f"{path.name}: an APIv3 key has {API_V3_KEY_BYTES} bytes, this one {len(key)}"
        )
    return key


def _check_base_url(url: str, *, demo: bool) -> None:
    """Take https, or plain http to this machine in a demonstration."""
    parts = urlsplit(url)
    if parts.query or parts.fragment or parts.username or not parts.hostname:
        raise ChannelMisconfigured(f"base_url {url} is no plain address")
    if parts.scheme == "https":
        return
    if not (demo and parts.scheme == "http" and _is_loopback(parts.hostname)):
        raise ChannelMisconfigured(f"base_url {url} is not https")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
