"""Staff, assembled: accounts, who keeps the door, and the trail.

Owns: which part of it is handed to which.
Never: decides who may do what.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from onepark.app.databases import Databases
from onepark.contexts.access.accounts import Accounts, Trail
from onepark.contexts.access.doorkeeper import Doorkeeper
from onepark.contexts.access.hashing import Hashing
from onepark.contexts.access.pace import LoginPace, StaffPace
from onepark.contexts.access.second_factors import SecondFactors
from onepark.contexts.access.service import TOKEN_AUDIENCE, Access, Sessions, Terms
from onepark.infra.clock import Clock
from onepark.infra.limits import Limiter
from onepark.infra.settings import Settings, secret_key
from onepark.infra.tokens import Passwords, Sealer, Tokens, derive
from onepark.infra.totp import SECRET_BYTES


def fresh_secret() -> bytes:
    """Return the secret of an authenticator that nobody has seen."""
    return secrets.token_bytes(SECRET_BYTES)


@dataclass(frozen=True, kw_only=True)
class Staff:
    """Every part that people with an account go through."""

    access: Access
    accounts: Accounts
    factors: SecondFactors
    trail: Trail
    doorkeeper: Doorkeeper


def staff_of(
    settings: Settings,
    clock: Clock,
    *,
    databases: Databases,
    limiter: Limiter,
    passwords: Passwords | None = None,
    fresh_secret: Callable[[], bytes] = fresh_secret,
) -> Staff:
    """Assemble it."""
    key, fresh_for = secret_key(settings), timedelta(seconds=settings.staff_step_up_s)
    hashing = Hashing(passwords or Passwords())
    tokens = Tokens(key, clock, audience=TOKEN_AUDIENCE)
    factors = SecondFactors(
        databases.service,
        sealer=Sealer(key, "second factor"),
        hashing=hashing,
        clock=clock,
        fresh_secret=fresh_secret,
    )
    return Staff(
        access=Access(
            service_db=databases.service,
            staff_db=databases.staff,
            hashing=hashing,
            factors=factors,
            pace=_login_pace(settings, limiter),
            clock=clock,
            terms=_terms(settings, tokens),
        ),
        accounts=Accounts(
            service_db=databases.service,
            staff_db=databases.staff,
            hashing=hashing,
            clock=clock,
            fresh_for=fresh_for,
        ),
        factors=factors,
        trail=Trail(databases.staff),
        doorkeeper=Doorkeeper(
            tokens,
            sessions=Sessions(databases.service),
            pace=StaffPace(limiter, per_minute=settings.staff_per_minute_max),
            clock=clock,
            fresh_for=fresh_for,
        ),
    )


def _login_pace(settings: Settings, limiter: Limiter) -> LoginPace:
    return LoginPace(
        limiter,
        per_minute=settings.login_per_minute_max,
        per_hour=settings.login_per_hour_max,
    )


def _terms(settings: Settings, tokens: Tokens) -> Terms:
    return Terms(
        tokens=tokens,
        session=timedelta(seconds=settings.staff_session_s),
        fresh_factor=timedelta(seconds=settings.staff_step_up_s),
        address_key=derive(secret_key(settings), "session addresses v1"),
    )
