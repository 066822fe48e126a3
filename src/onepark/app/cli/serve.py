"""`onepark serve`: the API process.

Owns: the life of the server from its first probe to its last answer.
Never: drops work in hand: it turns unready, finishes, and only then stops listening.
"""

import asyncio
import os
import signal
from contextlib import suppress

import click
import structlog
import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server
from litestar.types import ASGIApp

from onepark.app.asgi import Served, create_app
from onepark.app.fitness import Unfit, refuse_unfit
from onepark.infra import traces
from onepark.infra.log import configure_logging
from onepark.infra.settings import Settings, SettingsError, from_env
from onepark.integrations.payments.keys import ChannelMisconfigured

BACKLOG = 2_048
UNREADY_S = 0.3  # a load balancer's chance to see the red probe
POLL_S = 0.05

log = structlog.get_logger(__name__)


@click.command()
def serve() -> None:
    """提供 API 服务 Serve the API until told to end."""
    configure_logging()
    traces.start("onepark-serve", os.environ)
    try:
        uvloop.run(_serve(from_env(os.environ)))
    except (SettingsError, Unfit, ChannelMisconfigured) as error:
        raise click.ClickException(str(error)) from error
    finally:
        traces.end()


async def _serve(settings: Settings) -> None:
    await refuse_unfit(settings)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    served = create_app(settings)
    server = server_of(served, host=settings.host, port=settings.port)
    serving = asyncio.create_task(server.serve())
    asked = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, asked}, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        asked.cancel()
        await serving
        raise Unfit("the server ended by itself")
    await _drain(served, within_s=settings.shutdown_grace_s)
    server.stop()  # type: ignore[no-untyped-call]  # the library leaves it bare
    await serving
    log.info("serve.ended")


async def _drain(served: Served, *, within_s: float) -> None:
    """Turn unready, let long polls and streams go, and wait for the work in hand."""
    served.drain()
    await asyncio.sleep(UNREADY_S)
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            while served.in_flight:  # noqa: ASYNC110  counted by the server's own callbacks
                await asyncio.sleep(POLL_S)


def server_of(app: ASGIApp, *, host: str, port: int) -> Server:
    """Return the server that the platform runs under, around an app."""
    return Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=30_000),
        websockets=False,
        backlog=BACKLOG,
        log_enabled=False,
    )
