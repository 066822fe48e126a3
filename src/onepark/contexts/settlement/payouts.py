"""Payouts: money on its way from the books to a party.

Owns: the steps of a payout, who may take which, and what each posts.
Never: pays out of a balance that is not there, or lets one person do both halves.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime

from onepark.contexts.ledger.model import Account, AccountKind, Journal, JournalKind
from onepark.contexts.settlement import books, payout_store
from onepark.contexts.settlement.contracts import whose
from onepark.contexts.settlement.errors import (
    AccountMissing,
    BalanceTooSmall,
    DriverUnknown,
    FileUnknown,
    NothingToSend,
    PartyUnknown,
    PayoutStep,
    PayoutUnknown,
    SecondPersonNeeded,
)
from onepark.contexts.settlement.model import PAYER_PARTY
from onepark.contexts.settlement.payout_model import (
    NewPayout,
    Outcome,
    PayoutEnd,
    PayoutFileRow,
    PayoutPage,
    PayoutRow,
    PayoutState,
    PayoutView,
    Sending,
    Sent,
    Withdrawal,
)
from onepark.contexts.settlement.ports import AuditTrail, Books, Payer, PayoutDriver, Transfer
from onepark.infra.clock import Clock
from onepark.infra.db import Database, StaffScope, Tx
from onepark.kernel.staff import Change, Principal, is_another_person
from onepark.kernel.types import OperatorId

SENT_AT_ONCE = 500
SHOWN_OF_ACCOUNT = 4

State = PayoutState
ENDS_FROM: Mapping[Outcome, frozenset[PayoutState]] = {
    Outcome.PAID: frozenset({State.SENT}),
    Outcome.FAILED: frozenset({State.SENT}),
    Outcome.RETURNED: frozenset({State.SENT, State.PAID}),  # banks bounce days later
}


class Payouts:
    """Money that parties are sent."""

    def __init__(
        self,
        service_db: Database,
        staff_db: Database,
        *,
        books: Books,
        drivers: Mapping[str, PayoutDriver],
        audit: AuditTrail,
        clock: Clock,
    ) -> None:
        self._db, self._staff_db, self._books = service_db, staff_db, books
        self._drivers, self._audit, self._clock = drivers, audit, clock

    async def draft(self, new: NewPayout, *, by: Principal) -> PayoutView:
        """Propose to pay a party some of its balance, or all that nothing else takes."""
        operator_id, at = whose(new.operator_id, by), self._clock.now()
        async with self._db.transaction() as tx:
            account = await _account(tx, operator_id, new.party)
            free_fen = await _balance(tx, operator_id, new.party)
            free_fen -= await payout_store.reserved(tx, operator_id, new.party)
            amount_fen = free_fen if new.amount_fen is None else new.amount_fen
            if amount_fen > free_fen or amount_fen <= 0:
                raise BalanceTooSmall("Less is free.", field="amount_fen", free_fen=free_fen)
            drafted = PayoutRow(
                payout_no=f"PO{secrets.token_hex(12)}",
                operator_id=operator_id,
                party=new.party,
                amount_fen=amount_fen,
                state=State.DRAFT,
                holder=account.holder,
                account_no=account.account_no,
                bank_code=account.bank_code,
                drafter_id=by.account_id,
                drafted_by=by.login,
                drafted_at=at,
            )
            row = await payout_store.add(tx, drafted)
            await self._audit.append(tx, [_trace(row, "drafted", by)], at=at)
        return _view(row)

    async def check(self, payout_no: str, *, by: Principal) -> PayoutView:
        """Say that a draft agrees with the party's statement."""
        await self._see(payout_no, by)
        at = self._clock.now()
        async with self._db.transaction() as tx:
            payout = await _locked(tx, payout_no)
            _demand_state(payout, State.DRAFT)
            await payout_store.check(tx, payout_no, by=by, at=at)
            await self._audit.append(tx, [_trace(payout, "checked", by)], at=at)
        return await self.show(payout_no, by=by)

    async def approve(self, payout_no: str, *, by: Principal) -> PayoutView:
        """Let a checked payout go, by somebody who did not draft it."""
        await self._see(payout_no, by)
        at = self._clock.now()
        async with self._db.transaction() as tx:
            payout = await _locked(tx, payout_no)
            _demand_state(payout, State.CHECKED)
            if not is_another_person(by, payout.drafter_id):
                raise SecondPersonNeeded("Who drafted a payout does not approve it.")
            await payout_store.approve(tx, payout_no, by=by, at=at)
            await self._audit.append(tx, [_trace(payout, "approved", by)], at=at)
        return await self.show(payout_no, by=by)

    async def withdraw(self, payout_no: str, said: Withdrawal, *, by: Principal) -> PayoutView:
        """Drop a payout that was not sent."""
        await self._see(payout_no, by)
        at = self._clock.now()
        async with self._db.transaction() as tx:
            payout = await _locked(tx, payout_no)
            _demand_state(payout, State.DRAFT, State.CHECKED, State.APPROVED)
            await payout_store.end(tx, payout_no, State.WITHDRAWN, reason=said.reason, at=at)
            await self._audit.append(tx, [_trace(payout, "withdrawn", by)], at=at)
        return await self.show(payout_no, by=by)

    async def send(self, asked: Sending, *, by: Principal) -> Sent:
        """Write all approved payouts of an operator to a file, and take them off the balances.

        One whose party has less by now is held back; the file can be fetched as often as needed.
        """
        driver = self._drivers.get(asked.driver)
        if driver is None:
            raise DriverUnknown(f"No driver {asked.driver}.", field="driver")
        operator_id, at = whose(asked.operator_id, by), self._clock.now()
        file_no = f"PF{secrets.token_hex(12)}"
        async with self._db.transaction() as tx:
            payer = await _account(tx, operator_id, PAYER_PARTY)
            going, held = await self._covered(tx, operator_id)
            if not going:
                raise NothingToSend("No approved payout is covered.", held_back=held)
            made = driver.render(
                [_transfer(one) for one in going], payer, file_no=file_no, made_at=at
            )
            row = PayoutFileRow(file_no, made.media_type, made.content)
            await payout_store.add_file(
                tx, row, operator_id, driver=driver.name, by=by.login, at=at
            )
            numbers = [one.payout_no for one in going]
            await payout_store.send(tx, numbers, file_no=file_no, payer_no=payer.account_no, at=at)
            await self._audit.append(tx, [_trace(one, "sent", by) for one in going], at=at)
            await self._books.post(tx, [_sent(one, at) for one in going])
        total_fen = sum(one.amount_fen for one in going)
        return Sent(file_no, driver.name, tuple(numbers), total_fen, tuple(held))

    async def file(self, file_no: str, *, by: Principal) -> PayoutFileRow:
        """Return a file as it was handed out."""
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            found = await payout_store.find_file(tx, file_no)
        if found is None:
            raise FileUnknown(f"No file {file_no}.")
        return found

    async def end(self, payout_no: str, said: PayoutEnd, *, by: Principal) -> PayoutView:
        """Note what the bank said; what did not arrive goes back to the party's balance."""
        await self._see(payout_no, by)
        at = self._clock.now()
        async with self._db.transaction() as tx:
            payout = await _locked(tx, payout_no)
            ended = State(said.outcome)
            if payout.state != ended:
                _demand_state(payout, *ENDS_FROM[said.outcome])
                reason = said.reason or (None if said.outcome == Outcome.PAID else "-")
                await payout_store.end(tx, payout_no, ended, reason=reason, at=at)
                await self._audit.append(tx, [_trace(payout, ended, by)], at=at)
                await self._books.post(tx, [_ended(payout, said.outcome, at)])
        return await self.show(payout_no, by=by)

    async def page(
        self, *, state: PayoutState | None, party: str | None, limit: int, by: Principal
    ) -> PayoutPage:
        """Return payouts that this person may see, newest first."""
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            rows = await payout_store.page(tx, state=state, party=party, limit=limit)
        return PayoutPage(tuple(_view(row) for row in rows))

    async def show(self, payout_no: str, *, by: Principal) -> PayoutView:
        """Return one payout."""
        return _view(await self._see(payout_no, by))

    async def _see(self, payout_no: str, by: Principal) -> PayoutRow:
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            found = await payout_store.find(tx, payout_no)
        if found is None:
            raise PayoutUnknown("No such payout.")
        return found

    async def _covered(self, tx: Tx, operator_id: int) -> tuple[list[PayoutRow], list[str]]:
        """Return which approved payouts the balances cover, in order, and which not."""
        left: dict[str, int] = {}
        going: list[PayoutRow] = []
        held: list[str] = []
        for one in await payout_store.approved(tx, operator_id, limit=SENT_AT_ONCE):
            if one.party not in left:
                await payout_store.lock_party(tx, operator_id, one.party)
                left[one.party] = await _balance(tx, operator_id, one.party)
            if one.amount_fen > left[one.party]:
                held.append(one.payout_no)
            else:
                left[one.party] -= one.amount_fen
                going.append(one)
        return going, held


async def _locked(tx: Tx, payout_no: str) -> PayoutRow:
    payout = await payout_store.lock(tx, payout_no)
    assert payout is not None, "it was seen and payouts never go"
    return payout


async def _account(tx: Tx, operator_id: int, party: str) -> Payer:
    found = await payout_store.lock_party(tx, operator_id, party)
    if found is None:
        raise PartyUnknown(f"No party {party}.", field="party", party=party)
    holder, account_no, bank_code = found
    if holder is None or account_no is None or bank_code is None:
        raise AccountMissing(f"{party} has no account.", field="party", party=party)
    return Payer(holder, account_no, bank_code)


async def _balance(tx: Tx, operator_id: int, party: str) -> int:
    return await payout_store.balance(tx, operator_id, party, account=books.payable(party).kind)


def _demand_state(payout: PayoutRow, *states: PayoutState) -> None:
    if payout.state not in states:
        raise PayoutStep(f"It is {payout.state}.", state=payout.state)


def _transfer(one: PayoutRow) -> Transfer:
    return Transfer(one.payout_no, one.amount_fen, one.holder, one.account_no, one.bank_code)


def _sent(one: PayoutRow, at: datetime) -> Journal:
    on_its_way = Account(AccountKind.PAYOUT_SENT, one.party)
    moves = [(books.payable(one.party), one.amount_fen), (on_its_way, -one.amount_fen)]
    operator_id = OperatorId(one.operator_id)
    return books.of_payout(JournalKind.PAYOUT, one.payout_no, operator_id, at=at, moves=moves)


def _ended(one: PayoutRow, outcome: Outcome, at: datetime) -> Journal:
    on_its_way = Account(AccountKind.PAYOUT_SENT, one.party)
    bank = Account(AccountKind.BANK, one.payer_no or "")
    operator_id, fen = OperatorId(one.operator_id), one.amount_fen
    if outcome == Outcome.PAID:
        moves = [(on_its_way, fen), (bank, -fen)]
        kind = JournalKind.PAYOUT_PAID
    else:
        gone_from = bank if one.state == State.PAID else on_its_way
        moves = [(gone_from, fen), (books.payable(one.party), -fen)]
        kind = JournalKind.PAYOUT_RETURNED
    return books.of_payout(kind, one.payout_no, operator_id, at=at, moves=moves)


def _view(row: PayoutRow) -> PayoutView:
    return PayoutView(
        payout_no=row.payout_no,
        operator_id=row.operator_id,
        party=row.party,
        amount_fen=row.amount_fen,
        state=row.state,
        holder=row.holder,
        account_end=row.account_no[-SHOWN_OF_ACCOUNT:],
        drafted_by=row.drafted_by,
        drafted_at=row.drafted_at,
        checked_by=row.checked_by,
        approved_by=row.approved_by,
        file_no=row.file_no,
        sent_at=row.sent_at,
        ended_at=row.ended_at,
        reason=row.reason,
    )


def _trace(row: PayoutRow, did: str, by: Principal) -> Change:
    return Change(
        actor=by.login,
        action=f"settlement.payout_{did}",
        subject=f"payout {row.payout_no}",
        operator_id=OperatorId(row.operator_id),
        after={"party": row.party, "amount_fen": row.amount_fen},
    )
