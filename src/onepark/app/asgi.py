"""The ASGI application: routes, what they are handed, and its life.

Owns: which handlers there are, and the order in which parts start and stop.
Never: decides anything about a request.
"""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from litestar import Litestar, Router
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp

from onepark import __version__
from onepark.app import openapi, probes, problems
from onepark.app.observe import Observed
from onepark.app.probes import Readiness
from onepark.app.short_ways import ShortWays
from onepark.app.tracing import traced
from onepark.app.wiring import Platform, open_platform
from onepark.contexts.access import account_http
from onepark.contexts.access import http as access_http
from onepark.contexts.calendar import http as calendar_http
from onepark.contexts.gate import http as gate_http
from onepark.contexts.invoices import http as invoices_http
from onepark.contexts.invoices import staff_http as invoices_staff_http
from onepark.contexts.membership import http as membership_http
from onepark.contexts.membership import list_http as membership_list_http
from onepark.contexts.membership import staff_http as membership_staff_http
from onepark.contexts.payments import http as payments_http
from onepark.contexts.payments import staff_http as payments_staff_http
from onepark.contexts.reconciliation import http as reconciliation_http
from onepark.contexts.registry import http as registry_http
from onepark.contexts.settlement import http as settlement_http
from onepark.contexts.settlement import payout_http, statement_http
from onepark.contexts.stays import http as stays_http
from onepark.contexts.stays import staff_http as stays_staff_http
from onepark.contexts.tariffs import filing_http
from onepark.contexts.tariffs import http as tariffs_http
from onepark.contexts.vacancies import http as vacancies_http
from onepark.contexts.webhooks import http as webhooks_http
from onepark.infra.migrations import pending
from onepark.infra.schedule import run_jobs
from onepark.infra.settings import Settings

PARTS = (
    *(
        "registry",
        "directory",
        "office",
        "calendar",
        "tariffs",
        "checks",
        "tariff_office",
        "orders",
        "desk",
        "ghosts",
        "rulings",
        "two_lots",
        "odd_counts",
        "vacancies",
        "past",
        "gate",
        "webhook_office",
    ),
    "readiness",
)
MONEY_PARTS = (
    *("payments", "receipts", "refund_desk", "contracts", "clearing", "statements", "payouts"),
    "reconciliation_desk",
    *("passes", "pass_office", "lists", "coupons", "coupon_office"),
    *("invoices", "invoice_counter", "invoice_desk", "seller_office", "title_book"),
)
STAFF_PARTS = ("access", "accounts", "trail")
HANDLERS = [
    *access_http.HANDLERS,
    *account_http.HANDLERS,
    *registry_http.HANDLERS,
    *calendar_http.HANDLERS,
    *tariffs_http.HANDLERS,
    *filing_http.HANDLERS,
    *stays_http.HANDLERS,
    *stays_staff_http.HANDLERS,
    *membership_http.HANDLERS,
    *membership_staff_http.HANDLERS,
    *membership_list_http.HANDLERS,
    *payments_http.HANDLERS,
    *settlement_http.HANDLERS,
    *statement_http.HANDLERS,
    *payout_http.HANDLERS,
    *payments_staff_http.HANDLERS,
    *reconciliation_http.HANDLERS,
    *invoices_http.HANDLERS,
    *invoices_staff_http.HANDLERS,
    *vacancies_http.HANDLERS,
    *webhooks_http.HANDLERS,
    *probes.HANDLERS,
]
GC_AFTER = 50_000  # allocations; Structs of the hot path are not tracked


class Parts:
    """The platform as handlers are handed it; empty until it is opened."""

    def __init__(self) -> None:
        self.platform: Platform | None = None
        self.readiness: Readiness | None = None

    def give(self, name: str) -> Provide:
        """Return how a handler gets the part of that name."""

        async def part() -> Any:
            if name == "readiness":
                return self.readiness
            assert self.platform is not None, "requests come after the start"
            return _part_of(self.platform, name)

        return Provide(part)


def _part_of(platform: Platform, name: str) -> object:
    """Return the part of that name, whichever room it is in."""
    if name in MONEY_PARTS:
        return platform.money.part(name)
    return getattr(platform.staff if name in STAFF_PARTS else platform, name)


class Served(Observed):
    """The application with its life: what the server runs and asks to drain."""

    def __init__(self, app: Litestar, parts: Parts, settings: Settings) -> None:
        body_bytes_max = settings.gate_body_bytes_max
        short = ShortWays(
            cast("ASGIApp", app), lambda: parts.platform, body_bytes_max=body_bytes_max
        )
        super().__init__(traced(short))
        self.app = app
        self._parts = parts

    def drain(self) -> None:
        """Turn unready and let those go who would wait for long."""
        if self._parts.readiness is not None:
            self._parts.readiness.drain()
        if self._parts.platform is not None:
            self._parts.platform.gate.end_polls()
            self._parts.platform.vacancies.end_streams()


def create_app(settings: Settings) -> Served:
    """Return the application; it connects when the server starts its life."""
    parts = Parts()
    app = Litestar(
        route_handlers=[*HANDLERS, _gate_routes(settings)],
        dependencies={
            **{name: parts.give(name) for name in (*PARTS, *MONEY_PARTS, *STAFF_PARTS)},
            "principal": Provide(access_http.provide_principal),
        },
        guards=[_staff_guard(parts)],
        exception_handlers=problems.HANDLERS,
        openapi_config=openapi.openapi_config(__version__),
        request_max_body_size=settings.body_bytes_max,
        lifespan=[lambda _: _life(settings, parts)],
        logging_config=None,
        debug=False,
    )
    return Served(app, parts, settings)


def _gate_routes(settings: Settings) -> Router:
    """Return the routes of devices: their bodies may be larger than others'."""
    return Router(
        "/",
        route_handlers=gate_http.HANDLERS,
        request_max_body_size=settings.gate_body_bytes_max,
    )


def _staff_guard(parts: Parts) -> access_http.Guard:
    async def guard(
        connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
    ) -> None:
        if "permission" in handler.opt:
            assert parts.platform is not None, "requests come after the start"
            await access_http.staff_guard(parts.platform.staff.doorkeeper)(connection, handler)

    return guard


@asynccontextmanager
async def _life(settings: Settings, parts: Parts) -> AsyncIterator[None]:
    """Open the platform, start what runs by itself, and stop it all in the other order."""
    async with open_platform(settings) as platform:
        parts.platform = platform
        parts.readiness = Readiness(
            platform.databases.service,
            pending=lambda: pending(settings.database_url),
            counts=lambda: platform.vacancies.source.value,
        )
        await platform.vacancies.start()
        platform.gate.start()
        stop = asyncio.Event()
        refreshing = asyncio.create_task(run_jobs(platform.refresh_jobs(), stop))
        _calm_the_collector()
        yield
        stop.set()
        await refreshing
        await platform.gate.stop()
        await platform.vacancies.stop()


def _calm_the_collector() -> None:
    """Leave what the start made out of every later collection: it lives as long as the process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_AFTER, 20, 20)
