"""Authenticators, and the codes that come from them.

Owns: how a code is judged, used up and counted, and how an authenticator comes to hold.
Never: keeps a secret or a recovery code in clear, or takes one code twice.
"""

import base64
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from onepark.contexts.access import factor_store as store
from onepark.contexts.access.errors import (
    CodeWrong,
    EnrolmentAbsent,
    SecondFactorAbsent,
    TooManyCodes,
)
from onepark.contexts.access.hashing import Hashing
from onepark.contexts.access.model import Account, Enrolment, Factor
from onepark.contexts.access.rules import wait_after_wrong_codes
from onepark.contexts.access.store import append_changes
from onepark.infra import totp
from onepark.infra.clock import Clock
from onepark.infra.db import Database, Tx
from onepark.infra.tokens import Sealer
from onepark.kernel.errors import Refusal
from onepark.kernel.staff import Change

ISSUER = "OnePark"
RECOVERY_CODES = 10
RECOVERY_BYTES = 10  # 80 bits: sixteen letters
CONFIRM_WITHIN = timedelta(minutes=10)


class SecondFactors:
    """What an account holds beside its password."""

    def __init__(
        self,
        service_db: Database,
        *,
        sealer: Sealer,
        hashing: Hashing,
        clock: Clock,
        fresh_secret: Callable[[], bytes],
    ) -> None:
        self._db, self._sealer, self._hashing = service_db, sealer, hashing
        self._clock, self._fresh_secret = clock, fresh_secret

    async def check(self, account: Account, code: str) -> datetime:
        """Use up a code and return when; a wrong one is counted and refused."""
        at = self._clock.now()
        if "-" in code:
            await self._check_recovery(account, code, at=at)
        else:
            await self._check_code(account, code, at=at)
        return at

    async def offer(self, account: Account) -> Enrolment:
        """Show a new secret; what holds until now goes on holding until this one is proved."""
        at, secret = self._clock.now(), self._fresh_secret()
        sealed = self._sealer.seal(secret, subject=_subject(account))
        async with self._db.transaction() as tx:
            await store.offer(
                tx, account.account_id, operator_id=account.operator_id, sealed=sealed, at=at
            )
        return Enrolment(
            secret=totp.shown(secret),
            uri=totp.uri(secret, issuer=ISSUER, login=account.login),
            confirm_until=at + CONFIRM_WITHIN,
        )

    async def confirm(self, account: Account, code: str) -> tuple[str, ...]:
        """Let the secret that was shown hold, and return fresh recovery codes."""
        if "-" in code:
            raise CodeWrong("Only a code of the authenticator proves that it is there.")
        await self._judge_offered(account, code, keep=None)
        codes = tuple(_recovery_code(number) for number in range(1, RECOVERY_CODES + 1))
        hashes = [await self._hashing.hash(one) for one in codes]
        await self._judge_offered(account, code, keep=hashes)
        return codes

    async def _judge_offered(self, account: Account, code: str, *, keep: list[str] | None) -> None:
        """Judge a code of the offered secret; with hashes to keep, let it hold."""
        at = self._clock.now()
        async with self._db.transaction() as tx:
            factor = await self._open(tx, account, at=at)
            step = self._step_offered(account, factor, code, at=at)
            if step is None:
                await store.note_wrong(tx, account.account_id, at=at)
            elif keep is not None:
                await self._hold(tx, account, keep, step=step, at=at)
        if step is None:
            raise CodeWrong("It is not of the secret that was shown last.")

    async def _hold(
        self, tx: Tx, account: Account, hashes: list[str], *, step: int, at: datetime
    ) -> None:
        await store.confirm(tx, account.account_id, step=step, at=at)
        await store.replace_recovery_codes(
            tx, account.account_id, operator_id=account.operator_id, hashes=hashes
        )
        change = change_of(account, "second_factor_confirmed", actor=account.login)
        await append_changes(tx, [change], at=at)

    def _step_offered(
        self, account: Account, factor: Factor, code: str, *, at: datetime
    ) -> int | None:
        if factor.pending_sealed is None or factor.pending_at is None:
            raise EnrolmentAbsent("Ask for a secret first.")
        if at - factor.pending_at >= CONFIRM_WITHIN:
            raise EnrolmentAbsent("It took too long: ask for a secret again.")
        secret = self._sealer.open(factor.pending_sealed, subject=_subject(account))
        return totp.step_of(secret, code, at, after=0)

    async def _check_code(self, account: Account, code: str, *, at: datetime) -> None:
        async with self._db.transaction() as tx:
            factor = await self._open(tx, account, at=at)
            if factor.sealed is None:
                raise _absent()
            secret = self._sealer.open(factor.sealed, subject=_subject(account))
            step = totp.step_of(secret, code, at, after=factor.last_step)
            if step is None:
                await store.note_wrong(tx, account.account_id, at=at)
            else:
                await store.take_step(tx, account.account_id, step)
        if step is None:
            raise CodeWrong("Wait for the next code of the authenticator.")

    async def _check_recovery(self, account: Account, code: str, *, at: datetime) -> None:
        number = int(code.partition("-")[0])
        async with self._db.transaction() as tx:
            await self._open(tx, account, at=at)
            known = await store.recovery_hash(tx, account.account_id, number)
        right = await self._hashing.matches(code, known)
        async with self._db.transaction() as tx:
            await self._open(tx, account, at=at)
            right = right and await store.use_recovery(tx, account.account_id, number, at=at)
            if right:
                await store.note_right(tx, account.account_id)
                change = change_of(account, "recovery_code_used", actor=account.login)
                await append_changes(tx, [change], at=at)
            else:
                await store.note_wrong(tx, account.account_id, at=at)
        if not right:
            raise CodeWrong("No such recovery code, or it was used.")

    async def _open(self, tx: Tx, account: Account, *, at: datetime) -> Factor:
        """Lock the authenticator, unless too many wrong codes were given a moment ago."""
        factor = await store.lock(tx, account.account_id)
        if factor is None:
            raise _absent()
        wait = wait_after_wrong_codes(factor.wrong_codes, factor.last_wrong_at, at)
        if wait:
            wait_s = -(-wait // timedelta(seconds=1))
            raise TooManyCodes(f"Wait {wait_s} s.", retry_after_s=wait_s)
        return factor


def change_of(account: Account, action: str, *, actor: str) -> Change:
    """Return the line of the trail for something that happened to an account."""
    return Change(
        actor=actor,
        action=f"access.{action}",
        subject=f"account {account.login}",
        operator_id=account.operator_id,
    )


def _absent() -> Refusal:
    return SecondFactorAbsent("Bind an authenticator first.")


def _subject(account: Account) -> str:
    return f"second factor of account {account.account_id}"


def _recovery_code(number: int) -> str:
    letters = base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower()
    return "-".join([str(number), *(letters[at : at + 4] for at in range(0, len(letters), 4))])
