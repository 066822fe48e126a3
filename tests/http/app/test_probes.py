import httpx
import pytest
from litestar import Litestar
from litestar.di import Provide

from onepark.app import probes
from onepark.app.probes import Readiness
from onepark.infra.db import Role, open_database
from tests.fakes.asgi import client_of

GREEN = {
    "ready": True,
    "draining": False,
    "database": "ok",
    "migrations": "current",
    "counts": "live",
}


class Surroundings:
    """What a probe looks at, set by hand."""

    def __init__(self) -> None:
        self.lacking: list[str] = []
        self.counts = "live"
        self.looks = 0

    async def pending(self) -> list[str]:
        self.looks += 1
        return self.lacking


@pytest.fixture
def around() -> Surroundings:
    return Surroundings()


@pytest.fixture
def readiness(service_db, around) -> Readiness:
    return Readiness(service_db, pending=around.pending, counts=lambda: around.counts)


def a_client(readiness: Readiness) -> httpx.AsyncClient:
    app = Litestar(
        probes.HANDLERS,
        dependencies={"readiness": Provide(lambda: readiness, sync_to_thread=False)},
        openapi_config=None,
        logging_config=None,
    )
    return client_of(app)


async def test_a_process_that_can_work_is_ready(readiness):
    async with a_client(readiness) as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()) == (200, GREEN)


async def test_a_process_that_goes_down_is_not_ready_but_alive(readiness):
    readiness.drain()
    async with a_client(readiness) as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()) == (
            503,
            GREEN | {"ready": False, "draining": True},
        )
        alive = await client.get("/livez")
        assert (alive.status_code, alive.json()) == (200, {"alive": True})


async def test_pending_migrations_keep_a_process_from_being_ready(readiness, around):
    around.lacking = ["0009"]
    async with a_client(readiness) as client:
        answer = await client.get("/readyz")
        expected = GREEN | {"ready": False, "migrations": "pending"}
        assert (answer.status_code, answer.json()) == (503, expected)
        around.lacking = []
        assert (await client.get("/readyz")).status_code == 200


async def test_migrations_that_are_current_are_not_looked_at_for_every_probe(readiness, around):
    await readiness.look()
    await readiness.look()
    assert around.looks == 1


async def test_without_redis_a_process_stays_ready_and_says_so(readiness, around):
    around.counts = "database"
    async with a_client(readiness) as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()) == (200, GREEN | {"counts": "database"})


async def test_without_a_database_a_process_is_not_ready_and_nothing_breaks(database_url, around):
    database = await open_database(database_url, Role.SERVICE, connections=1)
    await database.close()
    readiness = Readiness(database, pending=around.pending, counts=lambda: "live")
    async with a_client(readiness) as client:
        answer = await client.get("/readyz")
        expected = GREEN | {"ready": False, "database": "down", "migrations": "unknown"}
        assert (answer.status_code, answer.json()) == (503, expected)


async def test_metrics_are_text(readiness):
    async with a_client(readiness) as client:
        answer = await client.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert "process_cpu_seconds_total" in answer.text
