"""The peer of durable passages: pgbench writes the same rows, one passage a transaction.

Owns: the database of the peer on the same server, the number of clients that suits it best, and the
comparison of the rows that both sides wrote.
Never: turns anything off that the platform has on: the role, row-level security, fsync.
"""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from benchmarks.big_city import City
from onepark.infra.embedded.postgres import binaries
from onepark.infra.migrations import migrate

SCRIPT = Path(__file__).with_suffix(".sql")
CLIENTS = (8, 16, 32, 64)
TRIAL = 6_400  # transactions with which each number of clients is tried
TPS = re.compile(r"tps = ([\d.]+) \(without initial")
DATABASE = "single_rows"
OF_A_PASSAGE = ("claim", "passage")
OF_A_VISIT = ("car", "stay", "stay_order")
LOST_SHARE = 0.01  # numbers of facts that are lost with batches that were taken again
SETTINGS = ("fsync", "synchronous_commit", "full_page_writes")


class SingleRows:
    """pgbench on a database that is migrated as the city's own."""

    def __init__(self, city: City) -> None:
        psql(city.database_url, f"CREATE DATABASE {DATABASE}")
        self.url = urlunsplit(urlsplit(city.database_url)._replace(path=f"/{DATABASE}"))
        migrate(self.url)
        self.passages, self._cars = 0, 0
        self.clients = max(CLIENTS, key=lambda clients: self.run(TRIAL, clients=clients))

    def run(self, passages: int, *, clients: int | None = None) -> float:
        """Write so many passages, half of them entries, and return passages a second."""
        clients = clients or self.clients
        half = max(1, passages // 2 // clients)
        numbers = {"n": 0, "half": half, "base": self._cars}
        command = [str(binaries() / "pgbench"), "-n", "-M", "prepared", "-j", "2"]
        command += ["-c", str(clients), "-t", str(2 * half), "-f", str(SCRIPT)]
        command += [part for name, n in numbers.items() for part in ("-D", f"{name}={n}")]
        command.append(f"{self.url}?options=-c%20role%3Donepark_batch")
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert "failed transactions: 0 " in done.stdout, done.stdout
        self._cars += clients * half
        self.passages += 2 * clients * half
        found = TPS.search(done.stdout)
        assert found is not None, done.stdout
        return float(found[1])


def psql(url: str, sql: str) -> str:
    """Return what a statement answers, without any ornament."""
    command = [str(binaries() / "psql"), url, "-qtAX", "-v", "ON_ERROR_STOP=1", "-c", sql]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def rows(url: str) -> dict[str, int]:
    """Return how many rows each table of the passage path holds."""
    tables = (*OF_A_PASSAGE, *OF_A_VISIT)
    counts = ", ".join(f"(SELECT count(*) FROM stays.{table})" for table in tables)
    return dict(zip(tables, map(int, psql(url, f"SELECT {counts}").split("|")), strict=True))


def check_rows(url: str, *, passages: int, visits: int) -> None:
    """Hold that a side wrote a claim, a raw passage and a fact a passage, and each visit once."""
    found = rows(url)
    wanted = dict.fromkeys(OF_A_PASSAGE, passages) | dict.fromkeys(OF_A_VISIT, visits)
    assert found == wanted, f"{found} rows, not {wanted}"
    posted = int(psql(url, "SELECT last_value FROM stays.outbox_id_seq"))
    assert passages <= posted <= passages * (1 + LOST_SHARE), f"{posted} facts of {passages}"


def durability(url: str) -> Mapping[str, str]:
    """Return the settings that make a commit last, all of them on, and those of row security."""
    told = {name: psql(url, f"SHOW {name}") for name in SETTINGS}
    assert set(told.values()) == {"on"}, told
    forced = "SELECT bool_and(relforcerowsecurity) FROM pg_class WHERE oid = ANY ($1::regclass[])"
    tables = "{stays.car,stays.stay,stays.stay_order,stays.passage,stays.count}"
    assert psql(url, forced.replace("$1", f"'{tables}'")) == "t", "row-level security is off"
    return told | {"row_level_security": "on"}


def words(settings: Mapping[str, str]) -> str:
    """Return settings as a line tells them."""
    return ", ".join(f"{name} {value}" for name, value in settings.items())
