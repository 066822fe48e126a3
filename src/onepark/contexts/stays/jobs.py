"""What stays do by themselves.

Owns: partitions made ahead, facts that nobody listens to, what exits teach, held exits, ghosts,
exits that nobody opened for, plates in two lots, counts that cannot be.
Never: decides.
"""

from datetime import timedelta
from typing import NamedTuple

from onepark.contexts.stays.desk import MisreadDesk
from onepark.contexts.stays.entered_again import EnteredAgain
from onepark.contexts.stays.ghosts import Ghosts
from onepark.contexts.stays.lessons import School
from onepark.contexts.stays.odd_counts import OddCounts
from onepark.contexts.stays.service import Stays
from onepark.contexts.stays.two_lots import TwoLots
from onepark.contexts.stays.unopened import Unopened
from onepark.infra.clock import Clock
from onepark.infra.schedule import Job

MONTHS_EVERY_S = 3_600
FORGET_EVERY_S = 30
LEARN_EVERY_S = 60
RECOGNISE_EVERY_S = 30
GHOSTS_EVERY_S = 30
UNOPENED_EVERY_S = 15
ODD_EVERY_S = 60
KEEP_FACTS = timedelta(hours=1)


class Watch(NamedTuple):
    """Who looks for what is odd, over all cars and lots."""

    unopened: Unopened
    two_lots: TwoLots
    entered_again: EnteredAgain
    counts: OddCounts


def jobs(
    stays: Stays,
    school: School,
    desk: MisreadDesk,
    ghosts: Ghosts,
    *,
    watch: Watch,
    clock: Clock,
) -> list[Job]:
    """Return the recurring work of stays."""

    async def make_months() -> int:
        await stays.make_passage_months()
        return 0

    async def forget() -> int:
        return await stays.drop_facts(before=clock.now() - KEEP_FACTS)

    return [
        Job("stays.make_passage_months", MONTHS_EVERY_S, make_months),
        Job("stays.drop_facts", FORGET_EVERY_S, forget),
        Job("stays.learn_plates", LEARN_EVERY_S, school.learn),
        Job("stays.recognise_later", RECOGNISE_EVERY_S, desk.recognise_later),
        Job("stays.note_elsewhere", GHOSTS_EVERY_S, ghosts.note_elsewhere),
        Job("stays.end_ghosts", GHOSTS_EVERY_S, ghosts.end),
        Job("stays.judge_unopened", UNOPENED_EVERY_S, watch.unopened.judge),
        Job("stays.note_two_lots", ODD_EVERY_S, watch.two_lots.note),
        Job("stays.note_entered_again", ODD_EVERY_S, watch.entered_again.note),
        Job("stays.note_odd_counts", ODD_EVERY_S, watch.counts.note),
    ]
