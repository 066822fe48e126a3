"""Redis or Valkey: one client, bounded in time.

Owns: how the client is opened, and how a channel is listened to.
Never: holds a key name of a context.
"""

from collections.abc import AsyncGenerator

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import RedisError

SOCKET_TIMEOUT_S = 2.0
IDLE_S = 1.0

REDIS_DOWN = (RedisError, OSError)  # what a call raises while the server is not there

__all__ = ["REDIS_DOWN", "RedisError", "messages", "open_redis"]


def open_redis(url: str) -> Redis:
    """Return a client that answers or fails within two seconds and never retries by itself."""
    client: Redis = Redis.from_url(
        url,
        socket_timeout=SOCKET_TIMEOUT_S,
        socket_connect_timeout=SOCKET_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        decode_responses=False,
        health_check_interval=15,
    )
    return client


async def messages(redis: Redis, channel: str) -> AsyncGenerator[bytes | None, None]:
    """Yield None once subscribed, then the body of every message.

    A connection of its own is read without the client's bookkeeping: a message costs a few
    microseconds. It never reconnects: the end of the connection, or two seconds without an answer
    to a ping, raises, so that the reader knows that it may have missed something.
    """
    connection: AbstractConnection = redis.connection_pool.make_connection()  # type: ignore[no-untyped-call]
    try:
        await connection.connect()  # type: ignore[no-untyped-call]
        await connection.send_command("SUBSCRIBE", channel)
        await connection.read_response(push_request=True)
        yield None
        while True:
            answer = await _next(connection)
            if isinstance(answer, list) and answer[0] == b"message":
                yield answer[2]
    finally:
        await connection.disconnect(nowait=True)


async def _next(connection: AbstractConnection) -> object:
    """Return the next thing that the server says, asking whether it is there after a silence."""
    answer = await connection.read_response(timeout=IDLE_S, push_request=True)
    if answer is None:
        await connection.send_command("PING", check_health=False)
        answer = await connection.read_response(timeout=SOCKET_TIMEOUT_S, push_request=True)
    if answer is None:
        raise RedisGone("the server does not answer a ping")
    return answer
