"""The judges for the whole run, and a provider's keys that both sides hold."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from onepark.contexts.payments.ports import Channel
from onepark.integrations.payments.config import open_channels
from onepark.simulator.providers.keys import (
    PUBLIC_KEY_ID,
    Keys,
    load_or_make,
    write_payments_file,
)
from tests.adapters.judges.judge import Judge, installed_packages
from tests.adapters.support import ScriptedClient, StillClock


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    """Other authors' code, fetched once and asked over a pipe."""
    process = Judge(installed_packages())
    yield process
    process.close()


@dataclass(frozen=True)
class Providers:
    """The simulator's keys, as the providers and as their merchant hold them."""

    folder: Path
    keys: Keys

    def text(self, name: str) -> str:
        """A file that a merchant is given."""
        return (self.folder / "merchant" / name).read_text()

    @property
    def wechat_ring(self) -> dict[str, str]:
        """Both keys of WeChat Pay under the names that its headers use."""
        return {
            PUBLIC_KEY_ID: self.text("wechat_public_key.pem"),
            self.keys.certificate_serial: self.text("wechat_certificate.pem"),
        }

    def channel(self, name: str, client: ScriptedClient | None = None) -> Channel:
        """Our adapter, opened from the file that the simulator writes."""
        path = write_payments_file(self.folder, "http://127.0.0.1:9", self.keys)
        now = datetime.now(UTC)
        return open_channels(path, client or ScriptedClient(), StillClock(now), demo=True)[name]


@pytest.fixture(scope="session")
def providers(tmp_path_factory: pytest.TempPathFactory) -> Providers:
    folder = tmp_path_factory.mktemp("judged")
    return Providers(folder, load_or_make(folder))
