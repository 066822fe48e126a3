"""Messages to operators' servers, over HTTP and signed as Standard Webhooks has it.

Owns: the headers, and that a stranger's URL is judged each time before it is called.
Never: tries twice, follows a redirect, or keeps a word of the answer.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from onepark.infra.http_client import HttpClient, PeerUnavailable
from onepark.infra.outside import open_outside_client, why_not
from onepark.infra.relay import Unusable
from onepark.infra.signing import sign

TIMEOUT_S = 10.0
ANSWER_BYTES_MAX = 65_536
CONNECTIONS_MAX = 32


class Poster:
    """Posts one message."""

    def __init__(self, client: HttpClient, *, loopback: bool = False) -> None:
        self._client, self._loopback = client, loopback

    def why_not(self, url: str) -> str | None:
        """Say why a URL is never called; None if it may be."""
        return why_not(url, loopback=self._loopback)

    async def post(
        self, url: str, body: bytes, *, message_id: str, secrets: Sequence[bytes], at: datetime
    ) -> int:
        """Return the status of the answer, with a signature of every good key."""
        if (why := self.why_not(url)) is not None:
            raise Unusable(why)
        stamp_s = int(at.timestamp())
        signatures = [
            sign(body, key, message_id=message_id, timestamp_s=stamp_s) for key in secrets
        ]
        headers = {
            "content-type": "application/json",
            "user-agent": "OnePark",
            "webhook-id": message_id,
            "webhook-timestamp": str(stamp_s),
            "webhook-signature": " ".join(signatures),
        }
        try:
            answer = await self._client.request("POST", url, headers=headers, body=body)
        except PeerUnavailable as error:
            raise Unusable("the endpoint does not answer") from error
        return answer.status


@asynccontextmanager
async def open_poster(*, loopback: bool) -> AsyncIterator[Poster]:
    """Lend a poster; in a demonstration it calls this machine as well."""
    async with open_outside_client(
        timeout_s=TIMEOUT_S,
        answer_bytes_max=ANSWER_BYTES_MAX,
        connections_max=CONNECTIONS_MAX,
        loopback=loopback,
    ) as client:
        yield Poster(client, loopback=loopback)
