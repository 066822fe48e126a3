"""The use cases of devices.

Owns: a request of passages from signature to answers, heartbeats, commands and their waiting.
Never: writes SQL, speaks HTTP, or answers before the commit.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec
import structlog
from msgspec import UNSET

from onepark.contexts.gate import meters, rules, store
from onepark.contexts.gate.barriers import Barriers
from onepark.contexts.gate.clocks import Clocks
from onepark.contexts.gate.errors import (
    BodyMalformed,
    Busy,
    PassageCount,
    SignatureWrong,
    SnapshotCount,
    StaleStamp,
)
from onepark.contexts.gate.model import (
    PASSAGES_MAX,
    SNAPSHOTS_MAX,
    AckAnswer,
    AckAnswers,
    AckedCommand,
    AckOutcome,
    AcksIn,
    CommandKind,
    Commands,
    Credentials,
    HeartbeatAnswer,
    HeartbeatIn,
    PassageResults,
    PassagesIn,
    SnapshotResults,
    SnapshotsIn,
)
from onepark.contexts.gate.ports import (
    Archive,
    KeepsSnapshots,
    ShowsCounts,
    TakesPassages,
)
from onepark.contexts.gate.queues import Queues
from onepark.contexts.registry.model import Device, Lot
from onepark.contexts.stays.events import LetOut, OrderPaid
from onepark.contexts.stays.model import Passage, Progress, Taken
from onepark.contexts.vacancies.model import Snapshot
from onepark.infra import faults
from onepark.infra.clock import Clock
from onepark.infra.db import Database, Tx
from onepark.infra.settings import Settings
from onepark.infra.signing import Verdict, verify
from onepark.kernel.types import DeviceId, LotId

COMMANDS_AT_ONCE = 20
WAIT_MAX_S = 30
LOOK_EVERY_S = 0.2

log = structlog.get_logger(__name__)

Body = TypeVar("Body")


class Gate:
    """What devices say and are told."""

    def __init__(
        self,
        service_db: Database,
        *,
        archive: Callable[[], Archive],
        stays: TakesPassages,
        vacancies: ShowsCounts,
        past: KeepsSnapshots,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._db, self._archive, self._stays = service_db, archive, stays
        self._vacancies, self._past = vacancies, past
        self.clocks = Clocks(service_db)
        self.barriers = Barriers(service_db, archive=archive, clock=clock)
        self._clock, self._settings = clock, settings
        self._waiters: dict[str, asyncio.Event] = {}
        self._looking: asyncio.Task[None] | None = None
        self._ended = False
        self._queues = Queues(self._take, settings)
        meters.WAITING.set_function(lambda: self.waiting)

    def start(self) -> None:
        """Start to take batches and to look for commands."""
        self._queues.start()
        self._looking = asyncio.create_task(self._look_for_commands())

    async def stop(self) -> None:
        """Take what waits, let every long poll go, and end."""
        await self._queues.stop()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        self.end_polls()

    def end_polls(self) -> None:
        """Let every long poll go with what there is, and none wait any more."""
        self._ended = True
        for waiter in self._waiters.values():
            waiter.set()

    @property
    def waiting(self) -> int:
        """Return how many passages wait."""
        return self._queues.waiting

    # -- passages ------------------------------------------------------------------------------

    async def passages(self, credentials: Credentials, body: bytes) -> PassageResults:
        """Answer a request of passages in its order, after their commit.

        Under overload it is refused before anything is spent on it, and entries before exits.
        """
        if not self._has_room(body):
            raise Busy("More passages wait than the platform holds.")
        device, now = self._admit(credentials, body)
        ahead = self.clocks.offset_of(device.device_id)
        sender = rules.Sender(device, self._lot_of(device).code, ahead)
        raws = _decode(body, PassagesIn).passages
        if not 1 <= len(raws) <= min(PASSAGES_MAX, self._settings.gate_request_max):
            raise PassageCount(f"The request holds {len(raws)} passages.", count=len(raws))
        lane_of = self._archive().lane
        checked = [rules.check(raw, sender, lane_of=lane_of, now=now) for raw in raws]
        good = [one for one in checked if isinstance(one, Passage)]
        taken = await self._queues.submit(good) if good else []
        if good:
            await self._vacancies.heard([device.lot_id], now)
        progress = await self._progress(device, good, taken)
        answers = rules.results_of(checked, taken, progress=progress)
        meters.passages(device, checked, answers.results)
        return answers

    def _has_room(self, body: bytes) -> bool:
        """Tell whether a request would be let in, by its looks and as cheaply as can be."""
        if not self._queues.has_room(1, pressing=True):
            return False
        size = min(rules.size_of(body), self._settings.gate_request_max)
        return self._queues.has_room(size, pressing=rules.may_press(body))

    async def _progress(
        self, device: Device, good: Sequence[Passage], taken: Sequence[Taken]
    ) -> Progress | None:
        """Return how far the device's numbers have come; a batch of repeats tells nothing new."""
        epochs = [one.epoch for one in good if one.epoch is not None and one.seq is not None]
        if not epochs:
            return None
        told = [one.progress for one in taken if one.progress is not None]
        newest = max(told, key=lambda one: (one.epoch, one.acked_through), default=None)
        return newest or await self._stays.progress(device, epoch=max(epochs))

    async def _take(self, passages: Sequence[Passage]) -> Sequence[Taken]:
        """Take one natural batch and show its counts; they are committed by then."""
        batch = await self._stays.take(passages)
        faults.point("gate.committed")
        await self._vacancies.publish(batch.counts)
        faults.point("gate.published")
        return batch.taken

    # -- snapshots -----------------------------------------------------------------------------

    async def snapshots(self, credentials: Credentials, body: bytes) -> SnapshotResults:
        """Keep what a lot says that it holds; each snapshot is answered by itself."""
        device, now = self._admit(credentials, body)
        lot = self._lot_of(device)
        raws = _decode(body, SnapshotsIn).snapshots
        if not 1 <= len(raws) <= SNAPSHOTS_MAX:
            raise SnapshotCount(f"The request holds {len(raws)} snapshots.", count=len(raws))
        sender = rules.Sender(device, lot.code, self.clocks.offset_of(device.device_id))
        checked = [rules.check_snapshot(raw, sender, lot=lot, now=now) for raw in raws]
        good = [one for one in checked if isinstance(one, Snapshot)]
        kept = iter(await self._past.keep_snapshots(good) if good else [])
        if good:
            await self._vacancies.heard([device.lot_id], now)
        results = [rules.result_of_snapshot(one, kept) for one in checked]
        meters.snapshots(device, results)
        return SnapshotResults(results)

    # -- heartbeats ----------------------------------------------------------------------------

    async def heartbeat(self, credentials: Credentials, body: bytes) -> HeartbeatAnswer:
        """Tell the time to a device that signs rightly, whatever its own clock shows."""
        device, now = self._admit(credentials, body, any_stamp=True)
        told = _decode(body, HeartbeatIn)
        if told.status is not None and not told.status.isprintable():
            raise BodyMalformed("status: holds a control character")
        if (why := rules.why_no_holes(told)) is not None:
            raise BodyMalformed(why)
        offset = None if told.device_time is None else told.device_time - now
        offset_ms = None if offset is None else offset // timedelta(milliseconds=1)
        progress = barriers = None
        if rules.is_fresh(credentials, now):  # an old one may be a replay: it proves no life
            async with self._db.transaction() as tx:
                await store.heard(
                    tx, device, heard_at=now, clock_offset_ms=offset_ms, status=told.status
                )
            if offset is not None:
                self.clocks.note(device.device_id, offset)
            progress = await self._stays.progress(device, epoch=told.epoch, lost=told.lost)
            ahead = self.clocks.offset_of(device.device_id)
            barriers = await self.barriers.keep(told.barriers, device, ahead=ahead)
            await self._vacancies.heard([device.lot_id], now)
        meters.heartbeat()
        clock = rules.clock_of(offset)
        return HeartbeatAnswer(now, offset_ms, clock, progress or UNSET, barriers or UNSET)

    # -- commands ------------------------------------------------------------------------------

    async def commands(self, credentials: Credentials, *, wait_s: int) -> Commands:
        """Return a device's commands, waiting for one up to ``wait_s`` seconds."""
        device, _ = self._admit(credentials, b"")
        waiting = await self._commands_of(device)
        if waiting.commands or wait_s == 0 or self._ended:
            return waiting
        await self._wait_for_command(device.device_id, min(wait_s, WAIT_MAX_S))
        return await self._commands_of(device)

    async def _commands_of(self, device: Device) -> Commands:
        async with self._db.connection() as tx:
            found = await store.waiting_commands(
                tx, device.device_id, self._clock.now(), limit=COMMANDS_AT_ONCE
            )
        return Commands(found)

    async def _wait_for_command(self, device_id: DeviceId, wait_s: int) -> None:
        """Wait without holding a connection; a second poll of a device ends its first."""
        earlier = self._waiters.pop(device_id, None)
        if earlier is not None:
            earlier.set()
        waiter = self._waiters[device_id] = asyncio.Event()
        try:
            async with asyncio.timeout(wait_s):
                await waiter.wait()
        except TimeoutError:
            pass
        finally:
            if self._waiters.get(device_id) is waiter:
                del self._waiters[device_id]

    async def _look_for_commands(self) -> None:
        """Ask once for all waiting devices together, as long as any waits."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if not self._waiters:
                continue
            try:
                async with self._db.connection() as tx:
                    found = await store.devices_with_commands(
                        tx, list(self._waiters), self._clock.now()
                    )
            except Exception:  # the next look will do; the polls end by themselves
                log.exception("gate.look_failed")
                continue
            for device_id in found:
                if (waiter := self._waiters.get(device_id)) is not None:
                    waiter.set()

    async def acknowledge(self, credentials: Credentials, body: bytes) -> AckAnswers:
        """Note what a device did with its commands."""
        device, now = self._admit(credentials, body)
        acks = _decode(body, AcksIn).acks
        async with self._db.transaction() as tx:
            accepted = await store.acknowledge(tx, device.device_id, acks, acked_at=now)
            acked = await store.acked_commands(tx, device.device_id, acks)
        await self._let_out(device, acked, now)
        known = {one.command_id for one in acked}
        return AckAnswers([_ack_answer(ack.command_id, accepted, known) for ack in acks])

    async def _let_out(self, device: Device, acked: Sequence[AckedCommand], now: datetime) -> None:
        """Where no exit is ever sent, a lane that was opened stands for it, once."""
        lane_of = self._archive().lane
        left = [one for one in acked if rules.ends_stay(one, lane_of)]
        if left:
            await self._queues.submit([rules.derived_exit(one, device, now) for one in left])

    async def open_for_paid_order(self, tx: Tx, fact: OrderPaid) -> None:
        """Give the open command of a paid order, with the transaction that hands the fact on."""
        now = self._clock.now()
        if rules.may_open(fact, now):
            await self._open_for(tx, fact, now, reason="paid")
        faults.point("gate.opened")

    async def open_for_let_out(self, tx: Tx, fact: LetOut) -> None:
        """Give the open command of a car that a person recognised and that owes nothing."""
        now = self._clock.now()
        if rules.asked_lately(fact.asked_at, now):
            await self._open_for(tx, fact, now, reason="recognised")

    async def _open_for(
        self, tx: Tx, fact: OrderPaid | LetOut, now: datetime, *, reason: str
    ) -> None:
        device = self._archive().device(DeviceId(fact.asked_device_id or ""))
        if device is None:
            return
        await store.new_command(
            tx,
            store.NewCommand(
                lot_id=fact.lot_id,
                operator_id=device.operator_id,
                device_id=device.device_id,
                lane=fact.asked_lane or "",
                kind=CommandKind.OPEN,
                reason=reason,
                passage_id=fact.asked_passage_id or "",
                plate=fact.plate,
                car_key=fact.car_key,
                order_no=fact.order_no,
                created_at=now,
                expires_at=now + rules.OPEN_LIVES,
            ),
        )

    async def drop_commands(self, *, before: datetime) -> int:
        """Forget commands that have long been void."""
        async with self._db.transaction() as tx:
            return await store.drop_commands(tx, before)

    def _admit(
        self, credentials: Credentials, body: bytes, *, any_stamp: bool = False
    ) -> tuple[Device, datetime]:
        """Return the device that signed the body; a heartbeat may carry any stamp."""
        now = self._clock.now()
        device = self._archive().device(DeviceId(credentials.device))
        verdict = verify(
            body,
            rules.good_secrets(device, now),
            message_id=credentials.message_id,
            timestamp=credentials.timestamp,
            signature=credentials.signature,
            now_s=now.timestamp(),
        )
        if device is None or verdict == Verdict.WRONG:
            raise SignatureWrong("No known device signed this request.")
        if verdict == Verdict.STALE and not any_stamp:
            raise StaleStamp("The stamp is more than 300 s off.", server_time=now.isoformat())
        return device, now

    def _lot_of(self, device: Device) -> Lot:
        lot = self._archive().lot_by_id(LotId(device.lot_id))
        if lot is None:
            raise SignatureWrong("The device's lot is not in the registry.")
        return lot


def _decode(body: bytes, kind: type[Body]) -> Body:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BodyMalformed(str(error)) from None


def _ack_answer(command_id: int, accepted: set[int], known: set[int]) -> AckAnswer:
    if command_id in accepted:
        return AckAnswer(command_id, AckOutcome.ACCEPTED)
    outcome = AckOutcome.DUPLICATE if command_id in known else AckOutcome.UNKNOWN
    return AckAnswer(command_id, outcome)
