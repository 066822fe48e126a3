"""How often something may be tried.

Owns: one token bucket per name and identity, kept in Redis and moved by one atomic script.
Never: knows what a refusal is called, or keeps an identity in clear.
"""

from dataclasses import dataclass
from hashlib import blake2b

from redis.asyncio import Redis

from onepark.infra.redis import RedisError
from onepark.kernel.errors import Refusal

# The bucket as one number: the instant at which it would be full again (GCRA). Redis' own clock
# is used, so that no two processes disagree. Answers 0, or the milliseconds until a next try.
TAKE = """
local clock = redis.call('TIME')
local now_us = clock[1] * 1000000 + clock[2]
local each_us, burst_us = tonumber(ARGV[1]), tonumber(ARGV[2])
local full_us = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now_us)
local wait_us = full_us + each_us - now_us - burst_us
if wait_us > 0 then
    return math.ceil(wait_us / 1000)
end
full_us = full_us + each_us
local life_ms = math.ceil((full_us - now_us) / 1000)
redis.call('SET', KEYS[1], string.format('%.0f', full_us), 'PX', life_ms)
return 0
"""

MINUTE_S = 60
SECOND_US = 1_000_000
RETRY_WHEN_DOWN_S = 5


@dataclass(frozen=True)
class Limit:
    """So many a minute, or in another span, all at once if need be.

    The name tells one limit from another.
    """

    name: str
    times: int
    open_when_down: bool  # what a lost Redis means: everybody may, or nobody
    within_s: int = MINUTE_S


class Limiter:
    """Counts tries over all processes."""

    def __init__(self, redis: Redis, *, key: bytes = b"") -> None:
        self._take = redis.register_script(TAKE)
        self._key = key  # a plate has few possible values: a plain hash of it would be the plate

    async def wait_s(self, limit: Limit, identity: str) -> int:
        """Take one try: 0 when it is allowed, else the whole seconds until the next one is."""
        digest = blake2b(identity.encode(), key=self._key, digest_size=16).hexdigest()
        each_us = limit.within_s * SECOND_US // limit.times
        try:
            wait_ms = await self._take(
                keys=[f"limit:{limit.name}:{digest}"], args=[each_us, each_us * limit.times]
            )
        except RedisError:
            return 0 if limit.open_when_down else RETRY_WHEN_DOWN_S
        return -(-int(wait_ms) // 1000)

    async def take(self, limit: Limit, identity: str, *, refused: type[Refusal]) -> None:
        """Take one try, or refuse it and say how long to wait."""
        wait_s = await self.wait_s(limit, identity)
        if wait_s:
            raise refused(f"Wait {wait_s} s.", retry_after_s=wait_s)
