"""How each kind of camera misreads.

Owns: the models in memory by which plates are matched, and the learning of new versions.
Never: decides whose an exit is, or changes a version that is kept.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import structlog
from msgspec.structs import replace

from onepark import _native
from onepark.contexts.stays import task_store
from onepark.contexts.stays.model import Candidate, Passage, Suspicion, Verdict
from onepark.infra.clock import Clock
from onepark.infra.db import Database, Tx

LEARN_FROM = 25  # readings since the last version: fewer are not worth a new one
READINGS_MAX = 500  # in one version; the rest waits for the next
CAMERAS_AT_ONCE = 20

log = structlog.get_logger(__name__)


class Known(NamedTuple):
    """A compiled model and its version; version 0 is the one that is shipped."""

    version: int
    body: str
    engine: _native.PlateModel


class PlateModels:
    """The newest model of every kind of camera, renewed when a version is added."""

    def __init__(self, service_db: Database, clock: Clock) -> None:
        self.db, self.clock = service_db, clock
        self._prior = _known(0, _native.prior_plate_model())
        self._revision = 0
        self._models: Mapping[str, Known] = {}

    async def load(self) -> None:
        """Read the newest version of every kind of camera."""
        async with self.db.transaction() as tx:
            await task_store.stand_still(tx)
            revision = await task_store.model_revision(tx)
            rows = await task_store.newest_models(tx)
        read = {row.camera_model: _read(row) for row in rows}
        self._models = {camera: known for camera, known in read.items() if known is not None}
        self._revision = revision

    async def refresh(self) -> bool:
        """Read again if a version was added; tell whether it was."""
        async with self.db.connection() as tx:
            revision = await task_store.model_revision(tx)
        if revision == self._revision:
            return False
        await self.load()
        return True

    def match(self, passage: Passage, candidates: Sequence[Candidate]) -> Suspicion:
        """Rank cars by how well they explain what the camera of a passage read."""
        model = self._models.get(passage.camera_model, self._prior)
        verdict, ranked = model.engine.match(
            passage.plate,
            passage.plate_color,
            passage.vehicle,
            int(passage.seen_at.timestamp()),
            [(one.plate, one.plate_color, one.vehicle, one.entered_s) for one in candidates],
        )
        best = tuple(
            replace(candidates[place], score_milli=score, reasons=tuple(reasons))
            for place, score, reasons in ranked
        )
        return Suspicion(Verdict(verdict), best, model.version)

    async def learn(self) -> int:
        """Make a new version for each kind of camera of which people decided enough."""
        async with self.db.transaction() as tx:
            await task_store.lock_models(tx)
            cameras = await task_store.cameras_to_learn(tx, LEARN_FROM, limit=CAMERAS_AT_ONCE)
            for camera_model in cameras:
                await self._learn_one(tx, camera_model)
        return len(cameras)

    async def _learn_one(self, tx: Tx, camera_model: str) -> None:
        newest = await task_store.newest_model(tx, camera_model)
        version, body, last_id = newest or (0, self._prior.body, 0)
        if newest is not None and _read(task_store.ModelRow(camera_model, version, body)) is None:
            body = self._prior.body
        readings = await task_store.readings_after(tx, camera_model, last_id, limit=READINGS_MAX)
        pairs = [(one.observed, one.actual) for one in readings]
        learned = task_store.LearnedModel(
            camera_model=camera_model,
            version=version + 1,
            body=_native.learn_plate_model(body, pairs),
            readings=len(readings),
            last_reading_id=readings[-1].reading_id,
        )
        await task_store.add_model(tx, learned, at=self.clock.now())
        log.info("stays.model_learned", camera_model=camera_model, version=learned.version)


def _read(row: task_store.ModelRow) -> Known | None:
    """Compile a version; one that this program cannot read is as good as none."""
    try:
        return _known(row.version, row.body)
    except _native.PlateModelError as error:
        log.exception("stays.model_unreadable", camera_model=row.camera_model, rule=error.args[1])
        return None


def _known(version: int, body: str) -> Known:
    return Known(version, body, _native.PlateModel(body))
