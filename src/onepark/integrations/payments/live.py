"""Channels whose keys change while they serve.

Owns: taking changed key files over, whole or not at all, and how long certificates still last.
Never: opens, closes or moves a channel while the platform runs, or serves with half a change.
"""

import asyncio
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import structlog

from onepark.contexts.payments.ports import Channel
from onepark.infra.clock import Clock
from onepark.infra.http_client import HttpClient
from onepark.infra.metrics import Rows, counter
from onepark.infra.schedule import Job
from onepark.integrations.payments.config import Opened, files_of, open_file
from onepark.integrations.payments.keys import ChannelMisconfigured

LOOK_EVERY_S = 10.0

CERTIFICATE_LEFT = Rows(
    "payment_certificate_left_seconds",
    "How long a certificate of a payment channel is still valid; negative: since when it is not.",
    ("provider", "serial"),
)
RELOADS = counter(
    "payment_key_reloads", "Changed payment keys that were taken over or refused.", ("result",)
)

log = structlog.get_logger(__name__)


class LiveChannels(Mapping[str, Channel]):
    """The open channels by name; who asks gets the one with the newest keys."""

    def __init__(self, path: Path, client: HttpClient, clock: Clock, *, demo: bool) -> None:
        self._path, self._client, self._clock, self._demo = path, client, clock, demo
        self._digest = _digest(path)
        self._opened = self._open()
        for result in ("taken", "refused"):
            RELOADS.labels(result)

    def __getitem__(self, name: str) -> Channel:
        return self._opened.channels[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._opened.channels)

    def __len__(self) -> int:
        return len(self._opened.channels)

    async def refresh(self) -> int:
        """Take changed files over; files that may not open a channel leave the old keys serving."""
        digest = await asyncio.to_thread(_digest, self._path)
        if digest != self._digest:
            self._digest = digest
            self._take(await asyncio.to_thread(self._reopened))
        now = self._clock.now()
        ends = self._opened.ends.items()
        CERTIFICATE_LEFT.replace({of: (end - now).total_seconds() for of, end in ends})
        return 0

    def jobs(self) -> list[Job]:
        """Return the looking as recurring work of every process that verifies notices."""
        return [Job("payments.refresh_keys", LOOK_EVERY_S, self.refresh)]

    def _take(self, opened: Opened | None) -> None:
        RELOADS.labels("refused" if opened is None else "taken").inc()
        if opened is not None:
            self._opened = opened
            log.info("payments.keys_taken", channels=sorted(opened.channels))

    def _reopened(self) -> Opened | None:
        try:
            opened = self._open()
        except ChannelMisconfigured as error:
            log.error("payments.keys_refused", why=str(error))  # noqa: TRY400  its sentence says all
            return None
        if _merchants(opened) != _merchants(self._opened):
            log.error("payments.keys_refused", why="channels and merchants change at a start only")
            return None
        return opened

    def _open(self) -> Opened:
        return open_file(self._path, self._client, self._clock, demo=self._demo)


def _merchants(opened: Opened) -> dict[str, tuple[str, str]]:
    return {name: (one.merchant, one.app) for name, one in opened.channels.items()}


def _digest(path: Path) -> bytes:
    """Return what changes when the file or one that it names does."""
    whole = hashlib.sha256()
    for file in files_of(path):
        try:
            content = file.read_bytes()
        except OSError:
            content = b""
        whole.update(hashlib.sha256(content).digest())
    return whole.digest()
