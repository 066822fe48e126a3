"""What decisions teach the models of cameras, and who hears of it."""

import asyncio
import json
from itertools import count
from typing import Any

import pytest
from msgspec.structs import replace

from onepark import _native
from onepark.contexts.stays import plates
from onepark.contexts.stays.model import Candidate, Kind, Verdict
from onepark.contexts.stays.plates import LEARN_FROM, PlateModels
from onepark.infra.db import Database
from onepark.kernel.types import StayId
from tests.builders import EIGHT, a_passage, minutes
from tests.fakes.clock import HandClock

numbers = count(1)
CANDIDATE = Candidate(
    StayId(1), "苏B31585/blue", "苏B31585", "blue", "small", int(EIGHT.timestamp())
)


@pytest.fixture
def camera() -> str:
    """A camera model of this test's own."""
    return f"cam-{next(numbers)}"


async def decide(owner, camera: str, observed: str, actual: str, many: int = 1) -> None:
    """Keep what people decided so often."""
    for _ in range(many):
        task_id = await owner.fetchval(
            "INSERT INTO stays.task (lot_id, operator_id, kind, device_id, passage_id,"
            " passage_kind, lane, car_key, plate, plate_raw, plate_color, vehicle, camera_model,"
            " seen_at, opened_at, due_at, verdict, model_version, candidates, tried_at)"
            " VALUES (1, 7, 'misread_exit', 'd', 'p', 'exit', 'l', 'k', 'p', 'p', 'blue', 'small',"
            " '', now(), now(), now() + interval '1 day', 'none', 0, '[]', now()) RETURNING task_id"
        )
        await owner.execute(
            "INSERT INTO stays.reading (task_id, lot_id, operator_id, camera_model, observed,"
            " actual, decided_at) VALUES ($1, 1, 7, $2, $3, $4, now())",
            *(task_id, camera, observed, actual),
        )


@pytest.fixture
def models(service_db: Database) -> PlateModels:
    return PlateModels(service_db, HandClock())


def matched(models: PlateModels, camera: str) -> Any:
    """How a camera's model takes a 5 that was read as a 9."""
    seen = a_passage(Kind.EXIT, EIGHT + minutes(60), plate="苏B31985", camera_model=camera)
    return models.match(seen, [CANDIDATE])


async def test_a_camera_without_decisions_is_matched_by_the_shipped_model(models, camera):
    found = matched(models, camera)
    assert (found.verdict, found.model_version) == (Verdict.ACCEPTED, 0)
    assert found.candidates[0] == replace(
        CANDIDATE,
        score_milli=found.candidates[0].score_milli,
        reasons=found.candidates[0].reasons,
    )


async def test_enough_decisions_make_a_version_that_knows_better_and_others_read_it(
    models, service_db, owner, camera
):
    other = PlateModels(service_db, HandClock())
    await decide(owner, camera, "苏B31985", "苏B31585", LEARN_FROM - 1)
    assert await models.learn() == 0
    await decide(owner, camera, "苏B77931", "苏B77531")
    assert await models.learn() == 1
    assert await models.learn() == 0, "what is learned is not learned again"
    before = matched(other, camera)
    assert await other.refresh()
    assert not await other.refresh()
    after = matched(other, camera)
    assert (before.model_version, after.model_version) == (0, 1)
    assert after.candidates[0].score_milli > before.candidates[0].score_milli
    assert matched(other, "another").model_version == 0
    row = await owner.fetchrow("SELECT * FROM stays.plate_model WHERE camera_model = $1", camera)
    assert (row["version"], row["readings"]) == (1, LEARN_FROM)
    pairs = [("苏B31985", "苏B31585")] * (LEARN_FROM - 1) + [("苏B77931", "苏B77531")]
    assert row["body"] == _native.learn_plate_model(_native.prior_plate_model(), pairs)


async def test_a_version_is_built_on_the_one_before_and_both_are_kept(models, owner, camera):
    for _ in range(2):
        await decide(owner, camera, "苏B31985", "苏B31585", LEARN_FROM)
        assert await models.learn() == 1
    rows = await owner.fetch(
        "SELECT version, body, last_reading_id FROM stays.plate_model WHERE camera_model = $1"
        " ORDER BY version",
        camera,
    )
    assert [row["version"] for row in rows] == [1, 2]
    assert rows[0]["last_reading_id"] < rows[1]["last_reading_id"]
    assert [json.loads(row["body"])["learned"]["pairs"] for row in rows] == [
        LEARN_FROM,
        2 * LEARN_FROM,
    ]


async def test_a_version_takes_so_many_decisions_and_leaves_the_rest_to_the_next(
    models, owner, camera, monkeypatch
):
    monkeypatch.setattr(plates, "READINGS_MAX", LEARN_FROM)
    await decide(owner, camera, "苏B31985", "苏B31585", 2 * LEARN_FROM)
    assert await models.learn() == 1
    assert await models.learn() == 1
    assert await models.learn() == 0
    readings = await owner.fetch(
        "SELECT readings FROM stays.plate_model WHERE camera_model = $1", camera
    )
    assert [row["readings"] for row in readings] == [LEARN_FROM, LEARN_FROM]


async def test_two_processes_that_learn_at_once_make_one_version(models, service_db, owner, camera):
    await decide(owner, camera, "苏B31985", "苏B31585", LEARN_FROM)
    others = [PlateModels(service_db, HandClock()) for _ in range(3)]
    learned = await asyncio.gather(*(one.learn() for one in (models, *others)))
    assert sorted(learned) == [0, 0, 0, 1]
    versions = "SELECT count(*) FROM stays.plate_model WHERE camera_model = $1"
    assert await owner.fetchval(versions, camera) == 1


async def test_a_version_that_this_program_cannot_read_is_as_good_as_none(models, owner, camera):
    await owner.execute("INSERT INTO stays.plate_model VALUES ($1, 1, '{}', 1, 0, now())", camera)
    await models.load()
    assert matched(models, camera).model_version == 0
    await decide(owner, camera, "苏B31985", "苏B31585", LEARN_FROM)
    assert await models.learn() == 1
    await models.load()
    assert matched(models, camera).model_version == 2
