"""An app of a few handlers, wired as the platform's own: guard, principal and problems."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, cast

from httpx import ASGITransport, AsyncClient
from litestar import Litestar, Request, Response
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler

from onepark.contexts.access.doorkeeper import Doorkeeper
from onepark.contexts.access.http import provide_principal, staff_guard
from onepark.contexts.access.service import TOKEN_AUDIENCE
from onepark.infra.openapi import PROBLEM_MEDIA_TYPE
from onepark.infra.tokens import Tokens
from onepark.kernel.errors import Refusal
from tests.archive import KEY, HandClock


def tokens_of(clock: HandClock) -> Tokens:
    return Tokens(KEY, clock, audience=TOKEN_AUDIENCE)


class OpenHouse:
    """Every session holds, and nobody is too fast."""

    async def is_live(self, session_id: int, account_id: int, *, at: datetime) -> bool:
        return True

    async def wait_s(self, account_id: int) -> int:
        return 0


def a_doorkeeper(clock: HandClock) -> Doorkeeper:
    """A doorkeeper who believes every token of ours."""
    return Doorkeeper(
        tokens_of(clock),
        sessions=OpenHouse(),
        pace=OpenHouse(),
        clock=clock,
        fresh_for=timedelta(minutes=15),
    )


def bearer(
    clock: HandClock,
    role: str,
    operator_id: int | None = None,
    *,
    code_at: datetime | None = None,
    code: bool = True,
) -> dict[str, str]:
    """Headers of somebody with this role, who has just given a code, or then, or none."""
    given_at = (code_at or clock.now()) if code else None
    claims = {
        "login": "somebody",
        "role": role,
        "operator_id": operator_id,
        "sid": 1,
        "amr": ["pwd", "otp"] if code else ["pwd"],
        "second_factor_at": None if given_at is None else given_at.timestamp(),
    }
    return {"authorization": f"Bearer {tokens_of(clock).issue('1', claims)}"}


def refused(_: Request[Any, Any, Any], refusal: Refusal) -> Response[dict[str, object]]:
    body = {"type": "about:blank", "title": refusal.title, "status": refusal.status,
            "code": refusal.code, "detail": refusal.detail}  # fmt: skip
    return Response(body, status_code=refusal.status, media_type=PROBLEM_MEDIA_TYPE)


def always(peer: object) -> Callable[[], Awaitable[Any]]:
    async def provide() -> Any:
        return peer

    return provide


@asynccontextmanager
async def served(
    handlers: Sequence[BaseRouteHandler], clock: HandClock, peers: Mapping[str, object]
) -> AsyncIterator[AsyncClient]:
    dependencies = {name: Provide(always(peer)) for name, peer in peers.items()}
    app = Litestar(
        handlers,
        guards=[staff_guard(a_doorkeeper(clock))],
        dependencies={**dependencies, "principal": Provide(provide_principal)},
        exception_handlers={Refusal: refused},
    )
    # The same loop as the database pools: the client of litestar.testing has one of its own.
    async with AsyncClient(
        transport=ASGITransport(cast("Any", app)), base_url="http://onepark"
    ) as client:
        yield client
