"""PostgreSQL: pools, roles and transactions.

Owns: how a connection is opened and waited for, which role it takes, how a staff scope is set, and
what counts as an end that nobody knows.
Never: holds SQL of a context, or retries on its own.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

from onepark.infra.metrics import counter, gauge, histogram
from onepark.infra.traces import part

if TYPE_CHECKING:
    Tx: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
    Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
else:
    Tx = asyncpg.pool.PoolConnectionProxy
    Pool = asyncpg.Pool

Record = asyncpg.Record

COMMAND_TIMEOUT_S = 30
ACQUIRE_TIMEOUT_S = 5
LOCK_TIMEOUT = "5s"
IDLE_IN_TRANSACTION_TIMEOUT = "15s"


class Role(StrEnum):
    """The database roles; each has its own row-level policy (migration 0001)."""

    BATCH = "onepark_batch"  # the passage path: every lot, hot tables only
    SERVICE = "onepark_service"  # citizens, providers, background work: every lot
    STAFF = "onepark_staff"  # people with an account: the rows of their operator


@dataclass(frozen=True)
class StaffScope:
    """Whose rows a staff transaction may see: one operator's, or, for the city, everybody's."""

    operator_id: int | None
    city: bool = False

    @classmethod
    def of(cls, operator_id: int | None) -> "StaffScope":
        """Return the scope of somebody of this operator, or, with None, of the city."""
        return cls(operator_id, city=operator_id is None)


IN_USE = gauge("db_pool_in_use", "Connections that work now, by the role of their pool.", ("pool",))
SIZE_MAX = gauge("db_pool_size_max", "Connections that a pool may open.", ("pool",))
WAITS = histogram("db_pool_wait_seconds", "What it took to be lent a connection.", ("pool",))
COMMIT_UNKNOWN = counter(
    "commit_unknown", "Commits of which nobody knows whether they happened.", ("pool",)
)


class Database:
    """One pool under one role."""

    def __init__(self, pool: Pool, role: Role) -> None:
        self._pool, self._role, self._lent = pool, role, 0
        self._waits = WAITS.labels(role)
        IN_USE.labels(role).set_function(lambda: pool.get_size() - pool.get_idle_size())
        SIZE_MAX.labels(role).set(pool.get_max_size())
        COMMIT_UNKNOWN.labels(role)

    @asynccontextmanager
    async def transaction(self, scope: StaffScope | None = None) -> AsyncIterator[Tx]:
        """Run a READ COMMITTED transaction; a staff scope is set before the first statement."""
        async with self.connection() as tx, _Commit(tx, self._role):
            if scope is not None:
                await tx.execute(SET_SCOPE, str(scope.operator_id or ""), str(int(scope.city)))
            yield tx

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Tx]:
        """Lend a connection without a transaction: for one reading statement."""
        began_s = time.perf_counter()
        try:
            if self._role is Role.BATCH:
                await self._plan_anew()
            tx = await self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S)
        finally:
            self._waits.observe(time.perf_counter() - began_s)
        try:
            yield tx
        finally:
            await self._pool.release(tx)

    async def _plan_anew(self) -> None:
        """Let plans go that were made while the tables were empty, and any index seemed as good."""
        self._lent += 1
        if self._lent in PLANNED_ANEW_AT:
            await self._pool.expire_connections()

    async def close(self) -> None:
        """Close every connection, waiting for those in use."""
        await self._pool.close()


class _Commit:
    """A transaction whose commit is watched: one that fails on its way may have happened."""

    def __init__(self, tx: Tx, role: Role) -> None:
        self._transaction, self._role = tx.transaction(), role

    async def __aenter__(self) -> None:
        await self._transaction.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            await self._transaction.__aexit__(kind, error, trace)
            return
        try:
            with part("db.commit"):
                await self._transaction.__aexit__(None, None, None)
        except BaseException as failed:
            cancelled = isinstance(failed, asyncio.CancelledError)
            if cancelled or trouble_of(failed) == Trouble.UNKNOWN:
                COMMIT_UNKNOWN.labels(self._role).inc()
            raise


SET_SCOPE = """
    SELECT set_config('onepark.operator_id', $1, true), set_config('onepark.city', $2, true)
"""


# The passage path reads and writes by key, a batch of rows at a time. The planner does not know how
# few rows an array holds, and would read whole tables instead where it believes them small.
BY_KEY = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
}
PLANNED_ANEW_AT = frozenset({16, 128, 1_024, 8_192})  # times a connection was lent


async def open_database(url: str, role: Role, *, connections: int) -> Database:
    """Open a pool whose connections act as ``role`` from their first statement on."""
    pool = await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=connections,
        command_timeout=COMMAND_TIMEOUT_S,
        max_inactive_connection_lifetime=0,
        server_settings={
            "role": role.value,
            "application_name": role.value,
            "timezone": "UTC",
            "lock_timeout": LOCK_TIMEOUT,
            "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_TIMEOUT,
            **(BY_KEY if role is Role.BATCH else {}),
        },
    )
    return Database(pool, role)


def columns_of(rows: Iterable[Sequence[object]], *, width: int = 0) -> list[list[object]]:
    """Return rows as the arrays that unnest takes; so many empty ones where there is no row."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


OUTAGES = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)  # see trouble_of()


class Again(Exception):
    """What was done in the transaction does not hold: roll it back and take it again."""


class Trouble(StrEnum):
    """What an exception of a transaction calls for."""

    AGAIN = "again"  # rolled back for somebody else's sake: take it again
    UNKNOWN = "unknown"  # the server or the way to it failed; what was sent may be committed
    GUILTY = "guilty"  # something in the data itself
    BUG = "bug"  # our own mistake


_AGAIN = ("40", "55P03")  # rollback: deadlock, serialization; lock not available
_DATA = ("22", "23", "44", "P0001")  # data, integrity, check option, raised by a trigger
_CHANGED = (asyncpg.OutdatedSchemaCacheError, asyncpg.InvalidCachedStatementError)


def trouble_of(error: BaseException) -> Trouble:
    """Sort an exception by what to do next."""
    if isinstance(error, (Again, *_CHANGED)):
        return Trouble.AGAIN
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        if state.startswith(_AGAIN):
            return Trouble.AGAIN
        return Trouble.GUILTY if state.startswith(_DATA) else Trouble.UNKNOWN
    if isinstance(error, UnicodeError | OverflowError):
        return Trouble.GUILTY
    if isinstance(error, asyncpg.InterfaceError | OSError | TimeoutError):
        return Trouble.UNKNOWN
    return Trouble.BUG
