"""What exits teach that found their car by themselves.

Owns: gathering them as readings, which the models of cameras learn beside what people decided.
Never: judges an exit, or makes a version itself.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from onepark import _native
from onepark.contexts.stays import lesson_store
from onepark.contexts.stays.lesson_store import Lesson, Unaided
from onepark.contexts.stays.plates import PlateModels
from onepark.contexts.stays.ports import Cameras

LOOK_BACK = timedelta(hours=1)  # after a start: an older lesson is lost, and nothing else
OVERLAP = timedelta(minutes=2)  # a passage that was received earlier may be committed later
GATHERED_MAX = 500


class School:
    """The exits that found their car, gathered once each for the models to learn."""

    def __init__(self, models: PlateModels, *, cameras: Callable[[], Cameras]) -> None:
        self.models, self._cameras = models, cameras
        self._db, self._clock = models.db, models.clock
        self._gathered_until = self._clock.now() - LOOK_BACK

    async def learn(self) -> int:
        """Gather what exits teach, then make the versions that are due; return how many."""
        await self.gather()
        return await self.models.learn()

    async def gather(self) -> int:
        """Keep what was read since the last time, and what should have been; return how many."""
        now = self._clock.now()
        async with self._db.transaction() as tx:
            found = await lesson_store.unaided(
                tx, after=self._gathered_until - OVERLAP, limit=GATHERED_MAX
            )
            lessons = [lesson for one in found if (lesson := self._lesson(one)) is not None]
            await lesson_store.add(tx, lessons, at=now)
        self._gathered_until = _next_start(found, now)
        return len(lessons)

    def _lesson(self, exit_: Unaided) -> Lesson | None:
        """Return what an exit teaches; a stay that was misread itself tells nothing."""
        if not is_plate(exit_.actual):
            return None
        device = self._cameras().device(exit_.device_id)
        return Lesson(
            lot_id=exit_.lot_id,
            operator_id=exit_.operator_id,
            stay_id=exit_.stay_id,
            camera_model="" if device is None else device.camera_model or "",
            observed=_native.normalise_plate(exit_.plate_raw),
            actual=exit_.actual,
        )


def _next_start(found: list[Unaided], now: datetime) -> datetime:
    """Go on behind a full page; else everything up to now has been looked at."""
    return found[-1].received_at if len(found) == GATHERED_MAX else now


def is_plate(text: str) -> bool:
    """Tell whether a text has the form of a plate, in whatever colour."""
    kind, *_ = _native.classify_plate(text, "unknown")
    return kind != "none"
