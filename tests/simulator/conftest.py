"""The simulator as a process of its own, and a merchant's listener for its notices."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from onepark.contexts.payments.errors import NoticeUnverified
from onepark.contexts.payments.model import Notice, NoticeVerdict, PayRequest
from onepark.contexts.payments.numbers import fresh_number
from onepark.contexts.payments.ports import Channel
from onepark.infra.clock import SystemClock
from onepark.infra.http_client import AiohttpClient, open_http_client
from onepark.integrations.payments.config import open_channels
from onepark.kernel.types import Fen

START_S = 30.0
STOP_S = 10.0


def start(folder: Path) -> subprocess.Popen[bytes]:
    """Start the simulator and wait for the file that tells where it is."""
    process = subprocess.Popen(
        [sys.executable, "-m", "onepark.simulator.providers", "--port", "0", "--data", folder],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    end = time.monotonic() + START_S
    while not (folder / "payments.json").exists():
        assert process.poll() is None, "the simulator ended"
        assert time.monotonic() < end, "the simulator did not start"
        time.sleep(0.05)
    return process


def stop(process: subprocess.Popen[bytes]) -> int:
    process.terminate()
    try:
        return process.wait(STOP_S)
    finally:
        process.kill()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of a simulator that runs."""
    data = tmp_path_factory.mktemp("providers")
    process = start(data)
    yield data
    assert stop(process) == 0


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[AiohttpClient]:
    async with open_http_client(timeout_s=2.0) as opened:
        yield opened


@pytest.fixture(scope="module")
def channels(folder: Path, client: AiohttpClient) -> Mapping[str, Channel]:
    """The real adapters, opened from the simulator's own file."""
    return open_channels(folder / "payments.json", client, SystemClock(), demo=True)


@pytest.fixture(params=["wechat", "alipay", "unionpay", "pyun", "jsbank"])
def channel(request: pytest.FixtureRequest, channels: Mapping[str, Channel]) -> Channel:
    return channels[request.param]


@dataclass
class Listener:
    """A merchant's notice address: verifies with the real adapter and answers as it is told."""

    channels: Mapping[str, Channel]
    port: int = 0
    verdicts: list[NoticeVerdict] = field(default_factory=list)  # then STORED
    heard: list[Notice | NoticeUnverified] = field(default_factory=list)

    def url(self, channel: Channel) -> str:
        return f"http://127.0.0.1:{self.port}/{channel.name}"

    async def handle(self, request: web.Request) -> web.Response:
        channel = self.channels[request.path.removeprefix("/")]
        headers = {name.lower(): value for name, value in request.headers.items()}
        verdict = self.verdicts.pop(0) if self.verdicts else NoticeVerdict.STORED
        try:
            notice = channel.verify_notice(headers, await request.read(), datetime.now(UTC))
            self.heard.append(notice)
        except NoticeUnverified as refused:
            self.heard.append(refused)
            verdict = NoticeVerdict.REFUSED
        answer = channel.answer(verdict)
        return web.Response(status=answer.status, body=answer.body, content_type=answer.media_type)

    async def hears(self, count: int, within_s: float = 5.0) -> list[Any]:
        """Wait until so many notices have come."""
        end = time.monotonic() + within_s
        while len(self.heard) < count:
            assert time.monotonic() < end, f"{len(self.heard)} of {count} notices came"
            await asyncio.sleep(0.02)
        return self.heard


@pytest.fixture
async def listener(channels: Mapping[str, Channel]) -> AsyncIterator[Listener]:
    heard = Listener(channels)
    app = web.Application()
    app.router.add_post("/{channel}", heard.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    heard.port = runner.addresses[0][1]
    yield heard
    await runner.cleanup()


@dataclass
class Tester:
    """A tester's hand in the simulator, over its own HTTP."""

    session: aiohttp.ClientSession
    base_url: str

    async def post(self, path: str, **content: Any) -> Any:
        async with self.session.post(f"{self.base_url}/_simulator/{path}", json=content) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def get(self, path: str) -> Any:
        async with self.session.get(f"{self.base_url}/_simulator/{path}") as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def reset(self) -> None:
        async with self.session.delete(f"{self.base_url}/_simulator/behaviour") as answer:
            assert answer.status == 200


@pytest.fixture
async def tester(channels: Mapping[str, Channel]) -> AsyncIterator[Tester]:
    """Nobody pays by himself and nothing is repeated, until a test says so."""
    base_url = channels["wechat"]._base_url  # type: ignore[attr-defined]  # the real adapter's
    async with aiohttp.ClientSession() as session:
        tester = Tester(session, base_url)
        await tester.post("behaviour", pay=False, duplicates=0)
        yield tester
        await tester.reset()


def a_request(channel: Channel, listener: Listener, **changes: Any) -> PayRequest:
    """Three yuan and five fen, payable for five minutes, under a number of its own."""
    wanted = {
        "out_trade_no": fresh_number(datetime.now(UTC)),
        "amount_fen": Fen(305),
        "description": "停车费+1% 🚗 Parking",
        "expires_at": datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5),
        "notify_url": listener.url(channel),
    }
    return PayRequest(**{**wanted, **changes})
