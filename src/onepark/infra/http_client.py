"""HTTP towards peers: one request, one bounded answer.

Owns: time-out, size cap, the refusal to follow redirects, and the one error of all of them.
Never: retries, keeps cookies, rewrites a URL that somebody signed, or knows a peer.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

import aiohttp
from msgspec import Struct
from yarl import URL

TIMEOUT_S = 8.0
ANSWER_BYTES_MAX = 1_048_576
CONNECTIONS_MAX = 64
CHUNK_BYTES = 65_536


class PeerUnavailable(Exception):
    """No usable answer came: what the peer did with the request is unknown."""


class HttpAnswer(Struct, frozen=True):
    """A whole answer; header names are lower case, ``body`` is as received."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpClient(Protocol):
    """Something that asks a peer once."""

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> HttpAnswer:
        """Return the answer, whatever its status; raise PeerUnavailable when there is none."""
        ...


class AiohttpClient:
    """The one client of the platform, over a session that somebody else closes."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        timeout_s: float = TIMEOUT_S,
        answer_bytes_max: int = ANSWER_BYTES_MAX,
    ) -> None:
        self._session = session
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._answer_bytes_max = answer_bytes_max

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> HttpAnswer:
        """Send the URL byte for byte as given: its path may be part of a signature."""
        try:
            async with self._session.request(
                method,
                URL(url, encoded=True),
                headers=headers,
                data=body or None,
                allow_redirects=False,
                timeout=self._timeout,
            ) as response:
                return HttpAnswer(response.status, _lower(response), await self._read(response))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise PeerUnavailable(f"{method} {_host(url)}: {type(error).__name__}") from error

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        """Read up to the cap; it counts what a compressed body unfolds to."""
        body = bytearray()
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            body += chunk
            if len(body) > self._answer_bytes_max:
                raise PeerUnavailable(f"an answer of more than {self._answer_bytes_max} bytes")
        return bytes(body)


def _lower(response: aiohttp.ClientResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _host(url: str) -> str:
    """Name the peer without the query, which may hold what no log should."""
    return url.partition("?")[0]


@asynccontextmanager
async def open_http_client(
    *,
    timeout_s: float = TIMEOUT_S,
    answer_bytes_max: int = ANSWER_BYTES_MAX,
    connections_max: int = CONNECTIONS_MAX,
) -> AsyncIterator[AiohttpClient]:
    """Lend a client whose every request ends within ``timeout_s``."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections_max),
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as session:
        yield AiohttpClient(session, timeout_s=timeout_s, answer_bytes_max=answer_bytes_max)
