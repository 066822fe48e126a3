"""A driver under faults: pays what the exit asks for, by one key, until it is told that it is paid.

Owns: how a payment is begun, begun again, and asked after.
Never: takes a silence for a yes, or a second key for one payment.
"""

import asyncio
import json
import random
from typing import Any
from uuid import UUID

ANSWER_S = 8.0
BEGIN_S, PAID_S, ASK_EVERY_S = 45.0, 45.0, 0.5
CHANNELS = ("wechat", "alipay")
BODY_BYTES_MAX = 1_000_000


class Payer:
    """Pays orders by way of one address of the API."""

    def __init__(self, host: str, port: int, chance: random.Random) -> None:
        """Take an address and chance."""
        self._where, self._chance = (host, port), chance

    async def pay(self, order_no: str) -> int | None:
        """Return the fen that were paid; None where nobody said that they are."""
        payment = await self._until(BEGIN_S, self._begin(order_no))
        if payment is None:
            return None
        order = await self._until(PAID_S, self._paid(order_no))
        return None if order is None else int(payment["amount_fen"])

    async def _until(self, within_s: float, asking: Any) -> dict[str, Any] | None:
        try:
            async with asyncio.timeout(within_s):
                found: dict[str, Any] | None = await asking
                return found
        except TimeoutError:
            return None

    async def _begin(self, order_no: str) -> dict[str, Any] | None:
        """Send one payment, as often as it takes; None where it is refused."""
        key = str(UUID(int=self._chance.getrandbits(128)))
        body = json.dumps({"order_no": order_no, "channel": self._chance.choice(CHANNELS)}).encode()
        while True:
            answer = await self._ask("POST", "/v1/payments", body=body, key=key)
            if answer is not None and answer[0] in {200, 201}:
                return answer[1]
            if answer is not None and answer[0] in {404, 409, 422}:
                return None
            await asyncio.sleep(ASK_EVERY_S)

    async def _paid(self, order_no: str) -> dict[str, Any]:
        while True:
            answer = await self._ask("GET", f"/v1/orders/{order_no}")
            if answer is not None and answer[0] == 200 and answer[1]["state"] == "paid":
                return answer[1]
            await asyncio.sleep(ASK_EVERY_S)

    async def _ask(
        self, method: str, path: str, *, body: bytes = b"", key: str = ""
    ) -> tuple[int, dict[str, Any]] | None:
        """Return status and content, or None where it is not known what became of the request."""
        head = f"{method} {path} HTTP/1.1\r\nHost: onepark\r\nConnection: close\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        head += f"Idempotency-Key: {key}\r\n\r\n" if key else "\r\n"
        try:
            async with asyncio.timeout(ANSWER_S):
                whole = await self._exchange(head.encode() + body)
                start, _, content = whole.partition(b"\r\n\r\n")
                return int(start.split(b" ", 2)[1]), json.loads(content)
        except (OSError, EOFError, TimeoutError, ValueError, IndexError):
            return None

    async def _exchange(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(*self._where)
        try:
            writer.write(request)
            await writer.drain()
            return await reader.read(BODY_BYTES_MAX)
        finally:
            writer.close()
