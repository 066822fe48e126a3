"""URLs that strangers gave us, and what we never ask because one of them says so.

Owns: which addresses lie outside of our own network, and that a name is looked up once: what was
judged is what is connected to.
Never: follows a redirect, or asks a stranger in the clear.
"""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from onepark.infra.http_client import AiohttpClient

URL_CHARACTERS_MAX = 500
# Addresses of the new kind that lead to one of the old kind, whichever that is.
LEADING_ELSEWHERE = (
    IPv6Network("64:ff9b::/96"),
    IPv6Network("64:ff9b:1::/48"),
    IPv6Network("2001::/32"),
    IPv6Network("2002::/16"),
)


def is_outside(address: str, *, loopback: bool = False) -> bool:
    """Tell whether an address is one of the public network; or of this machine, in a demo."""
    found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        elif any(found in network for network in LEADING_ELSEWHERE):
            return False
    if loopback and found.is_loopback:
        return True
    return found.is_global and not found.is_multicast


def why_not(url: str, *, loopback: bool = False) -> str | None:
    """Say what is wrong with a URL that we are asked to call; None if it may be called.

    What its host's name leads to is judged when it is called, each time.
    """
    if len(url) > URL_CHARACTERS_MAX or not url.isascii() or not url.isprintable() or " " in url:
        return f"a URL of printable ASCII and at most {URL_CHARACTERS_MAX} characters is needed"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "this is no URL"
    return _why_not(parts, loopback=loopback)


def _why_not(parts: SplitResult, *, loopback: bool) -> str | None:
    host = parts.hostname or ""
    literal = _literal(host)
    if parts.scheme != "https" and not (
        loopback and parts.scheme == "http" and literal is not None and ip_address(host).is_loopback
    ):
        return "the URL must begin with https://"
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        return "the URL must name a host, and no user, password or fragment"
    if literal is None and "." not in host:
        return "the host must have a public name"
    if literal is not None and not is_outside(literal, loopback=loopback):
        return "the address is not one of the public network"
    return None


def _literal(host: str) -> str | None:
    """Return a host that is an address already."""
    try:
        return str(ip_address(host))
    except ValueError:
        return None


class OutsideResolver(AbstractResolver):
    """Looks names up, and refuses one of whose addresses any is not outside."""

    def __init__(self, inner: AbstractResolver | None = None, *, loopback: bool = False) -> None:
        self._inner, self._loopback = inner, loopback

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a name, all of which may be connected to."""
        self._inner = self._inner or ThreadedResolver()
        found = await self._inner.resolve(host, port, family)
        for one in found:
            if not is_outside(one["host"], loopback=self._loopback):
                raise OSError("the name leads into a network that is not public")
        return found

    async def close(self) -> None:
        """Let go of what looks names up."""
        if self._inner is not None:
            await self._inner.close()


@asynccontextmanager
async def open_outside_client(
    *, timeout_s: float, answer_bytes_max: int, connections_max: int, loopback: bool = False
) -> AsyncIterator[AiohttpClient]:
    """Lend a client for URLs of strangers; each is to be judged by ``why_not`` as well."""
    connector = aiohttp.TCPConnector(
        limit=connections_max,
        resolver=OutsideResolver(loopback=loopback),
        use_dns_cache=False,
        force_close=True,
    )
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        yield AiohttpClient(session, timeout_s=timeout_s, answer_bytes_max=answer_bytes_max)
