"""Serving the archive from memory, and changing it.

Owns: the snapshot that hot paths read, imports, and the rotation of device keys.
Never: gives a former or present key away; a new one is returned once.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from onepark.contexts.registry import rules, store
from onepark.contexts.registry.directory import Directory
from onepark.contexts.registry.errors import DeviceUnknown, LotUnknown, TooManySecrets
from onepark.contexts.registry.importing import Tick, nobody_watches
from onepark.contexts.registry.model import (
    Device,
    DeviceRow,
    DeviceSecret,
    ImportPlan,
    ImportReport,
    IssuedSecret,
    Lane,
    LaneView,
    LotPage,
    LotView,
    Operator,
    Reading,
    SealedSecret,
)
from onepark.contexts.registry.ports import AuditTrail
from onepark.infra.clock import Clock
from onepark.infra.db import Database, Record, StaffScope, Tx
from onepark.infra.settings import SecretKey
from onepark.infra.signing import encode_secret, new_secret
from onepark.infra.tokens import Sealer
from onepark.kernel.staff import Change, Principal
from onepark.kernel.types import DeviceId, LotCode

SEAL_PURPOSE = "device secret"
GOOD_SECRETS_MAX = 4  # of one device: every one costs a HMAC per refused signature
LOTS_PER_WRITE = 1_000


class Registry:
    """The archive in memory, renewed when its version moves."""

    def __init__(self, service_db: Database, secret_key: SecretKey, clock: Clock) -> None:
        self._db = service_db
        self._sealer = Sealer(secret_key, SEAL_PURPOSE)
        self.clock = clock
        self._directory = Directory(version=0)
        self._opened: dict[bytes, bytes] = {}  # sealed → plain: each key is unsealed once

    @property
    def directory(self) -> Directory:
        """The newest snapshot; hold it no longer than one request."""
        return self._directory

    async def load(self) -> None:
        """Read the whole archive as of one moment."""
        async with self._db.transaction() as tx:
            await store.stand_still(tx)
            rows = await _read(tx, at=self.clock.now())
        # Ten thousand lots take a while: passages go on meanwhile.
        self._directory, self._opened = await asyncio.to_thread(self._build, rows)

    async def refresh(self) -> bool:
        """Read the archive again if it has moved; tell whether it had."""
        async with self._db.connection() as tx:
            version = await store.version(tx)
        if version == self._directory.version:
            return False
        await self.load()
        return True

    def lot_view(self, code: LotCode) -> LotView:
        """Return what everybody may know of a lot."""
        directory = self._directory
        lot = directory.lot(code)
        operator = directory.operator(lot.operator_id) if lot else None
        if lot is None or operator is None:
            raise LotUnknown("No lot has this code.")
        return LotView(
            lot=lot.code,
            name=lot.name,
            name_en=lot.name_en,
            operator=operator.name,
            operator_en=operator.name_en,
            town=lot.town,
            address=lot.address,
            lat_wgs84=lot.lat_wgs84,
            lon_wgs84=lot.lon_wgs84,
            lat_gcj02=lot.lat_gcj02,
            lon_gcj02=lot.lon_gcj02,
            parking_type=lot.parking_type,
            parking_locate=lot.parking_locate,
            build_type=lot.build_type,
            attached_type=lot.attached_type,
            price_form=lot.price_form,
            plan_key=lot.plan_key,
            opening_hours=lot.opening_hours,
            pools=dict(lot.pools),
            lanes=tuple(
                LaneView(lane.lane, lane.direction) for lane in directory.lanes_of(lot.lot_id)
            ),
        )

    def _build(self, rows: "_Rows") -> tuple[Directory, dict[bytes, bytes]]:
        opened = {
            one.sealed: self._opened.get(one.sealed)
            or self._sealer.open(one.sealed, subject=one.device_id)
            for one in rows.secrets
        }
        return _directory_of(rows, opened), opened


class RegistryOffice:
    """What staff look up and change in the archive; every change leaves a trail."""

    def __init__(
        self, staff_db: Database, secret_key: SecretKey, *, audit: AuditTrail, clock: Clock
    ) -> None:
        self._db = staff_db
        self._sealer = Sealer(secret_key, SEAL_PURPOSE)
        self._audit = audit
        self._clock = clock

    async def page_of_lots(self, *, after: str, limit: int, by: Principal) -> LotPage:
        """Return the next lots that this person may see."""
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            rows = await store.page_of_lots(tx, after=after, limit=limit)
        return LotPage(tuple(rows), rows[-1].lot if len(rows) == limit else None)

    async def rotate_secret(
        self, device_id: DeviceId, *, overlap: timedelta, by: Principal
    ) -> IssuedSecret:
        """Give a device a new key; the former ones end after the overlap at the latest."""
        at, secret = self._clock.now(), new_secret()
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            device = await store.find_device(tx, device_id)
            if device is None:
                raise DeviceUnknown(f"No device {device_id}.")
            good = await store.lock_good_secrets(tx, device_id, at=at)
            if good >= GOOD_SECRETS_MAX and overlap:
                raise TooManySecrets(f"{good} keys are still good.")
            await store.end_secrets(tx, device_id, at=at + overlap)
            await store.add_secrets(tx, [_sealed(self._sealer, device, secret)], at=at)
            await self._audit.append(tx, [_rotated(device, by, ends_at=at + overlap)], at=at)
        return IssuedSecret(device_id, encode_secret(secret), at + overlap)


class RegistryImports:
    """Filing a whole file at once, or nothing of it."""

    def __init__(
        self, service_db: Database, secret_key: SecretKey, *, audit: AuditTrail, clock: Clock
    ) -> None:
        self._db = service_db
        self._sealer = Sealer(secret_key, SEAL_PURPOSE)
        self._audit = audit
        self._clock = clock

    async def import_reading(
        self,
        reading: Reading,
        *,
        actor: str,
        dry_run: bool = False,
        tick: Tick = nobody_watches,
    ) -> ImportReport:
        """File everything that was read, or, if anything is refused, nothing at all."""
        at = self._clock.now()
        async with self._db.transaction() as tx:
            await store.lock_version(tx)
            directory = _directory_of(await _read(tx, at=at), {})
            refused = rules.refusals(reading, directory)
            if refused:
                return ImportReport(refused=refused)
            plan = rules.plan_import(reading, directory)
            secrets = {device_id: new_secret() for _, device_id in plan.new_devices}
            if not dry_run:
                await self._write(tx, plan, secrets=secrets, at=at, tick=tick)
                await self._audit.append(tx, _filed(plan, directory, actor=actor), at=at)
        return _report(plan, {} if dry_run else secrets)

    async def _write(
        self,
        tx: Tx,
        plan: ImportPlan,
        *,
        secrets: dict[DeviceId, bytes],
        at: datetime,
        tick: Tick,
    ) -> None:
        await store.put_operators(tx, plan.operators)
        for start in range(0, len(plan.lots), LOTS_PER_WRITE):
            lots = plan.lots[start : start + LOTS_PER_WRITE]
            await store.put_lots(tx, lots)
            await store.put_pools(tx, lots)
            await store.put_zones(tx, lots)
            await store.put_lanes(tx, lots)
            tick(start + len(lots), len(plan.lots))
        devices = await store.add_devices(tx, plan.new_devices)
        await store.name_cameras(tx, plan.lots)
        await store.put_bindings(tx, plan.lots)
        sealed = [_sealed(self._sealer, one, secrets[one.device_id]) for one in devices]
        await store.add_secrets(tx, sealed, at=at)


@dataclass(frozen=True)
class _Rows:
    """The archive as read."""

    version: int
    operators: list[Operator]
    lots: list[Record]
    lanes: list[Lane]
    devices: list[DeviceRow]
    secrets: list[SealedSecret]


async def _read(tx: Tx, *, at: datetime) -> _Rows:
    return _Rows(
        version=await store.version(tx),
        operators=await store.operators(tx),
        lots=await store.lots(tx),
        lanes=await store.lanes(tx),
        devices=await store.devices(tx),
        secrets=await store.good_secrets(tx, at=at),
    )


def _directory_of(rows: _Rows, opened: dict[bytes, bytes]) -> Directory:
    """Put the rows together; a key that was not opened is left out."""
    secrets: dict[DeviceId, list[DeviceSecret]] = {}
    for one in rows.secrets:
        if one.sealed in opened:
            secret = DeviceSecret(opened[one.sealed], one.not_after)
            secrets.setdefault(one.device_id, []).append(secret)
    return Directory(
        version=rows.version,
        operators=rows.operators,
        lots=map(store.lot_of, rows.lots),
        lanes=rows.lanes,
        devices=(
            Device(
                one.device_id,
                one.lot_id,
                one.operator_id,
                one.lanes,
                tuple(secrets.get(one.device_id, ())),
                one.camera_model,
            )
            for one in rows.devices
        ),
    )


def _sealed(sealer: Sealer, device: DeviceRow, secret: bytes) -> SealedSecret:
    sealed = sealer.seal(secret, subject=device.device_id)
    return SealedSecret(device.device_id, device.lot_id, device.operator_id, sealed)


def _rotated(device: DeviceRow, by: Principal, *, ends_at: datetime) -> Change:
    return Change(
        actor=by.login,
        action="registry.secret_rotated",
        subject=f"device {device.device_id}",
        operator_id=device.operator_id,
        after={"former_until": ends_at},
    )


def _filed(plan: ImportPlan, directory: Directory, *, actor: str) -> Sequence[Change]:
    """Return the trail of an import: one line an operator and a lot, with what stood before."""
    known = {operator.code: operator.operator_id for operator in directory.operators()}
    return [
        *(
            Change(
                actor,
                "registry.operator_filed",
                f"operator {op.code}",
                known.get(op.code),
                plan.operators_before.get(op.code),
                op,
            )
            for op in plan.operators
        ),
        *(
            Change(
                actor,
                "registry.lot_filed",
                f"lot {lot.lot}",
                known.get(lot.operator),
                plan.lots_before.get(lot.lot),
                lot,
            )
            for lot in plan.lots
        ),
    ]


def _report(plan: ImportPlan, secrets: dict[DeviceId, bytes]) -> ImportReport:
    new_operators = sum(op.code not in plan.operators_before for op in plan.operators)
    new_lots = sum(lot.lot not in plan.lots_before for lot in plan.lots)
    return ImportReport(
        new_operators=new_operators,
        changed_operators=len(plan.operators) - new_operators,
        new_lots=new_lots,
        changed_lots=len(plan.lots) - new_lots,
        same_lots=plan.same_lots,
        new_devices=len(plan.new_devices),
        secrets={device: encode_secret(secret) for device, secret in secrets.items()},
    )
