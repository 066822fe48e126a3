"""Every setting of the platform and its bound.

Owns: the list of ONEPARK_* variables, their defaults and what must be given.
Never: connects to anything, or reads a file other than the one it is given.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

PREFIX = "ONEPARK_"
SECRET_KEY_BYTES = 32

Positive = Annotated[int, Meta(ge=1)]
FaultPoint = Annotated[str, Meta(pattern=r"^([a-z]+\.[a-z_]+(:[1-9][0-9]{0,5})?)?$")]
Port = Annotated[int, Meta(ge=0, le=65_535)]


class SettingsError(Exception):
    """The environment names no platform that may start; the message says which variable and why."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """What a OnePark process is told from outside; field x is the variable ONEPARK_X."""

    database_url: str
    redis_url: str
    secret_key: str  # base64 of 32 bytes; seals device secrets and signs staff tokens
    migration_database_url: str = ""  # a login that owns the schemas; empty: database_url
    payments_file: str = ""  # channels and their keys, JSON; empty: no channel is open
    channel_fee_ppm: str = ""  # what contracts say, as wechat=6000,…; empty: as bills say
    bank_csv_file: str = ""  # what the columns of the bank's CSV files are called, JSON
    public_url: str = "http://127.0.0.1:8000"
    smtp_url: str = ""  # smtps://user:password@host; empty: no mail is sent
    mail_from: str = "onepark@localhost"
    mail_spool: str = ""  # without a server: a folder that mail is laid into
    host: str = "127.0.0.1"
    port: Port = 8000
    work_metrics_host: str = "127.0.0.1"
    work_metrics_port: Port = 0  # where `onepark work` shows its metrics; 0: nowhere
    demo: bool = False  # names the city a demonstration and allows loopback payment providers
    fault_point: FaultPoint = ""  # of a demonstration only: where the process kills itself

    gate_batch_max: Annotated[int, Meta(ge=1, le=4_096)] = 512  # passages in one transaction
    gate_queue_max: Positive = 16_384  # passages that wait; beyond it 503 with Retry-After
    gate_connections: Positive = 2
    gate_backlog_connections: Positive = 1  # for passages that nobody waits for
    gate_backlog_batch_max: Annotated[int, Meta(ge=1, le=4_096)] = 32
    gate_request_max: Positive = 1_000  # passages in one request
    gate_body_bytes_max: Positive = 1_048_576
    body_bytes_max: Positive = 65_536
    service_connections: Positive = 6
    staff_connections: Positive = 2
    stream_subscribers_max: Positive = 10_000
    vacancy_late_s: Positive = 180  # a lot silent for longer is shown as late
    vacancy_lost_s: Positive = 1_800  # and for longer than this as lost
    vacancy_calibrate_s: Positive = 5  # between two looks at a lot whose count moved
    ghost_waits_s: Positive = 21_600  # so long an exit may be late where a car has surely gone
    tailgate_within_s: Positive = 10  # so shortly after another car was let out, one follows it
    no_plate_after_s: Positive = 86_400  # a car without a plate that is inside for longer is odd
    odd_count_after_s: Positive = 3_600  # so is a count over its capacity or under zero
    settlement_after_hours: Annotated[int, Meta(ge=1, le=47)] = (
        11  # a day is cleared so long after it
    )
    dues_per_minute_max: Positive = 30  # per address and, separately, per plate
    invoices_per_minute_max: Positive = 20  # requests for invoices, per address
    login_per_minute_max: Positive = 10  # per address and, separately, per account
    login_per_hour_max: Positive = 30  # per account, from addresses at which it is not known
    staff_per_minute_max: Positive = 600  # requests of one person
    staff_session_s: Annotated[int, Meta(ge=900, le=604_800)] = 43_200  # so long a login holds
    staff_step_up_s: Annotated[int, Meta(ge=60, le=43_200)] = 900  # so long a code is fresh
    shutdown_grace_s: Positive = 10


@dataclass(frozen=True)
class SecretKey:
    """The platform's own 32 bytes."""

    raw: bytes


def from_env(env: Mapping[str, str]) -> Settings:
    """Read every ONEPARK_* variable; an unknown, missing or senseless one stops the start."""
    given = {k.removeprefix(PREFIX).lower(): v for k, v in env.items() if k.startswith(PREFIX)}
    unknown = sorted(set(given) - set(Settings.__struct_fields__))
    if unknown:
        raise SettingsError(f"unknown variable {PREFIX}{unknown[0].upper()}")
    try:
        settings = msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{PREFIX}* settings: {error}") from error
    if settings.fault_point and not settings.demo:
        raise SettingsError(f"{PREFIX}FAULT_POINT is for demonstrations: it needs {PREFIX}DEMO")
    secret_key(settings)
    return settings


def secret_key(settings: Settings) -> SecretKey:
    """Return the platform's key, refusing one that is short or made of one repeated byte."""
    try:
        raw = base64.b64decode(settings.secret_key, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SettingsError(f"{PREFIX}SECRET_KEY is not base64") from error
    if len(raw) != SECRET_KEY_BYTES or len(set(raw)) == 1:
        raise SettingsError(f"{PREFIX}SECRET_KEY must hold {SECRET_KEY_BYTES} random bytes")
    return SecretKey(raw)
