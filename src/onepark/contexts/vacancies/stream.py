"""Live vacancies to many listeners as server-sent events.

Owns: who listens to which lots, and what each has not been told yet.
Never: keeps more than one pending note a lot and listener: a slow client gets the latest value.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TypeAlias
from weakref import WeakSet

from onepark.contexts.vacancies.errors import StreamFull
from onepark.kernel.types import LotId

KEEP_ALIVE_S = 15.0
KEEP_ALIVE = b": keep-alive\n\n"
RECONNECT = b"retry: 3000\n\n"
LOTS_IN_ONE_WRITE = 50

Encode: TypeAlias = Callable[[Iterable[LotId]], bytes]


class Hub:
    """Every listener of this process. One that is dropped unread leaves by itself."""

    def __init__(self, listeners_max: int, *, keep_alive_s: float = KEEP_ALIVE_S) -> None:
        self._listeners: WeakSet[Listener] = WeakSet()
        self._listeners_max = listeners_max
        self.keep_alive_s = keep_alive_s
        self.ended = False

    def __len__(self) -> int:
        return len(self._listeners)

    def join(self, wanted: frozenset[LotId] | None, *, first: bytes, encode: Encode) -> "Listener":
        """Take a new listener, unless there are too many or the process is going down."""
        if self.ended or len(self._listeners) >= self._listeners_max:
            raise StreamFull("No more listeners are taken now.")
        listener = Listener(self, wanted, first=first, encode=encode)
        self._listeners.add(listener)
        return listener

    def leave(self, listener: "Listener") -> None:
        """Forget a listener; doing it twice does nothing."""
        self._listeners.discard(listener)

    def tell(self, changed: frozenset[LotId]) -> None:
        """Note for each listener the lots that it has to be told of."""
        if not changed:
            return
        for listener in self._listeners:
            listener.note(changed)

    def end(self) -> None:
        """Let every stream end after what it is writing."""
        self.ended = True
        for listener in self._listeners:
            listener.wake.set()


class Listener:
    """What one client reads: the snapshot, then what changed, a comment while nothing does."""

    __slots__ = ("__weakref__", "_encode", "_first", "_hub", "_wanted", "pending", "wake")

    def __init__(
        self, hub: Hub, wanted: frozenset[LotId] | None, *, first: bytes, encode: Encode
    ) -> None:
        self._hub = hub
        self._wanted = wanted  # None for all lots
        self._first: bytes | None = RECONNECT + first
        self._encode = encode
        self.pending: set[LotId] = set()
        self.wake = asyncio.Event()

    def note(self, changed: frozenset[LotId]) -> None:
        """Remember those of these lots that the client wants."""
        wanted = changed if self._wanted is None else changed & self._wanted
        if wanted:
            self.pending |= wanted
            self.wake.set()

    def __aiter__(self) -> "Listener":
        return self

    async def __anext__(self) -> bytes:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        await self._change()
        if self._hub.ended:
            raise StopAsyncIteration
        return self._encode(self._some()) or KEEP_ALIVE

    async def aclose(self) -> None:
        """Leave."""
        self._hub.leave(self)

    async def _change(self) -> None:
        """Wait until there is something to tell, but no longer than a silence may last."""
        if self.pending or self._hub.ended:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._hub.keep_alive_s):
                await self.wake.wait()
        self.wake.clear()

    def _some(self) -> list[LotId]:
        """Take as many pending lots as one write carries."""
        count = min(len(self.pending), LOTS_IN_ONE_WRITE)
        return [self.pending.pop() for _ in range(count)]
