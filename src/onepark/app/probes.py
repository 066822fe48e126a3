"""Whether this process lives, is ready, and what it counts.

Owns: /livez, /readyz and /metrics.
Never: fails because Redis does: counts are then served from the database.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any

import structlog
from asyncpg import InterfaceError, PostgresError
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Meta, Struct

from onepark.infra import metrics
from onepark.infra.db import Database

ANSWER_S = 2.0
MIGRATIONS_GOOD_S = 60.0  # so long a look at the migrations holds

TAGS = ["probes 探针"]

_log = structlog.get_logger()


class Alive(Struct, frozen=True):
    """This process runs."""

    alive: bool = True


class Ready(Struct, frozen=True):
    """Whether requests should be sent here, and if not, why."""

    ready: bool
    draining: bool
    database: Annotated[str, Meta(description="ok 或 down · ok or down")]
    migrations: Annotated[str, Meta(description="current, pending 或 unknown")]
    counts: Annotated[str, Meta(description="live 实时, database 降级自数据库")]


class Readiness:
    """What /readyz is asked of; ``pending`` names the migrations that the database lacks."""

    def __init__(
        self,
        service_db: Database,
        *,
        pending: Callable[[], Awaitable[Sequence[str]]],
        counts: Callable[[], str],
    ) -> None:
        self._db = service_db
        self._pending = pending
        self._counts = counts
        self._migrated_until = 0.0
        self.draining = False

    def drain(self) -> None:
        """Turn red for good: this process is going down."""
        self.draining = True

    async def look(self) -> Ready:
        """Look at everything that a request may need; never raises."""
        answers = await _within(self._database_answers())
        migrated = await _within(self._is_migrated()) if answers else None
        return Ready(
            ready=bool(answers and migrated) and not self.draining,
            draining=self.draining,
            database="ok" if answers else "down",
            migrations={None: "unknown", True: "current", False: "pending"}[migrated],
            counts=self._counts(),
        )

    async def _database_answers(self) -> bool:
        async with self._db.connection() as tx:
            return bool(await tx.fetchval("SELECT true"))

    async def _is_migrated(self) -> bool:
        if time.monotonic() < self._migrated_until:
            return True
        current = not await self._pending()
        if current:
            self._migrated_until = time.monotonic() + MIGRATIONS_GOOD_S
        return current


async def _within(question: Awaitable[bool]) -> bool | None:
    """Return the answer, or None when there is none in time."""
    try:
        async with asyncio.timeout(ANSWER_S):
            return await question
    except (PostgresError, InterfaceError, OSError) as error:
        _log.warning("readyz", error=type(error).__name__)
        return None


@get("/livez", tags=TAGS, summary="存活探针 Alive", description="进程在运行。The process runs.")
async def livez() -> Alive:
    """Say that the process runs; asks nothing of anybody."""
    return Alive()


@get(
    "/readyz",
    tags=TAGS,
    summary="就绪探针 Ready",
    description=(
        "数据库可用、迁移已完成且未在停机时为 200，否则 503；Redis 不可用不影响就绪。"
        "200 while the database answers, its migrations are current and the process is not going "
        "down; without Redis it stays ready and `counts` says `database`."
    ),
    responses={
        200: ResponseSpec(Ready, generate_examples=False, description="就绪 Ready"),
        503: ResponseSpec(Ready, generate_examples=False, description="未就绪 Not ready"),
    },
)
async def readyz(readiness: NamedDependency[Readiness]) -> Response[Any]:
    """Say whether requests should be sent here."""
    ready = await readiness.look()
    return Response(ready, status_code=200 if ready.ready else 503)


@get(
    "/metrics",
    media_type=metrics.MEDIA_TYPE,
    tags=TAGS,
    summary="指标 Metrics",
    description="Prometheus 文本格式。In the text format of Prometheus.",
    include_in_schema=False,
)
async def show_metrics() -> bytes:
    """Show every metric of this process."""
    return metrics.text()


HANDLERS = [livez, readyz, show_metrics]
