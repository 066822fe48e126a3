"""`onepark work`: the recurring work that no request waits for.

Owns: the life of the worker process, and the port at which it shows its metrics.
Never: serves HTTP but for those.
"""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import click
import structlog
import uvloop

from onepark.app.fitness import Unfit, refuse_unfit
from onepark.app.planned import queue_of
from onepark.app.wiring import open_platform
from onepark.infra.log import configure_logging
from onepark.infra.metrics import endpoint
from onepark.infra.schedule import run_jobs
from onepark.infra.settings import Settings, SettingsError, from_env
from onepark.integrations.payments.keys import ChannelMisconfigured

log = structlog.get_logger(__name__)


@click.command()
def work() -> None:
    """执行后台任务 Run the recurring work until told to end."""
    configure_logging()
    try:
        uvloop.run(_work(from_env(os.environ)))
    except (SettingsError, Unfit, ChannelMisconfigured) as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def _scraped(settings: Settings) -> Iterator[None]:
    """Show the metrics where the settings say; a taken port is told in plain words."""
    host, port = settings.work_metrics_host, settings.work_metrics_port
    with ExitStack() as stack:
        try:
            stack.enter_context(endpoint(host, port))
        except OSError as error:
            raise Unfit(f"metrics cannot be shown at {host}:{port}: {error}") from error
        yield


async def _work(settings: Settings) -> None:
    await refuse_unfit(settings)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with _scraped(settings):
        async with open_platform(settings) as platform:
            log.info("work.started")
            queue = queue_of(
                settings, platform.databases.service, platform.clock, platform.outboxes
            )
            try:
                jobs = [*platform.work_jobs(), *queue.jobs()]
                await asyncio.gather(run_jobs(jobs, stop), queue.work(stop))
            finally:
                await queue.close()
    log.info("work.ended")
