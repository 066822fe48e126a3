"""A payment and its refunds under any weather, step by step against the plain oracle."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from onepark.contexts.access.service import Audit
from onepark.contexts.payments.errors import ChannelDeclined, RefundAbovePaid
from onepark.contexts.payments.model import (
    RefundFact,
    RefundRequest,
    RefundWord,
    Ruling,
    Verdict,
)
from onepark.contexts.payments.refund_desk import RefundDesk, RulingAsked
from onepark.contexts.stays.service import Stays
from onepark.infra.db import Role, open_database
from tests.builders import minutes
from tests.fakes.channel import OpenChannel
from tests.fakes.clock import HandClock
from tests.fakes.plans import FIVE_AN_HOUR, OnePlan
from tests.fakes.till import a_till
from tests.reference.refund_oracle import PaidOnce
from tests.store.payments.conftest import City, tell
from tests.store.payments.refunding import (
    CITY_BOSS,
    a_paid_order,
    ask,
    balanced,
    leaves,
    order_of,
)

Answer = TypeVar("Answer")

WORDS = (RefundWord.SUCCESS, RefundWord.PROCESSING, RefundWord.ABNORMAL, RefundWord.CLOSED)
STANDS = {"abnormal": "waits", "closed": "closed", "success": "paid"}  # others are under way
BOOKS = """
    SELECT refund_no, state, amount_fen, ruling IS NOT NULL AS ruled,
        waits_since_at IS NOT NULL AS waits
    FROM payments.refund WHERE attempt_no = $1
"""
PAYABLE = """
    SELECT coalesce(-sum(amount_fen), 0)::bigint FROM ledger.posting JOIN ledger.journal
        USING (journal_id) WHERE order_no = $1 AND account = 'refunds_payable'
"""


class HeardChannel(OpenChannel):
    """Keeps what it said, for the oracle to hear."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[RefundFact] = []
        self.declined: list[str] = []

    async def refund(self, request: RefundRequest) -> RefundFact:
        try:
            self.said.append(await super().refund(request))
        except ChannelDeclined:
            self.declined.append(request.refund_no)
            raise
        return self.said[-1]

    async def query_refund(self, refund_no: str, *, out_trade_no: str) -> RefundFact:
        self.said.append(await super().query_refund(refund_no, out_trade_no=out_trade_no))
        return self.said[-1]


class World:
    """The platform on a loop of its own, so that a machine without one can drive it."""

    def __init__(self, url: str) -> None:
        self.runner = asyncio.Runner()
        self.url = url
        self.run(self._open())

    def run(self, what: Coroutine[Any, Any, Answer]) -> Answer:
        return self.runner.run(what)

    def close(self) -> None:
        self.run(self._close())
        self.runner.close()

    def a_city(self) -> City:
        clock, channel = HandClock(), HeardChannel()
        stays = Stays(self.batch, self.service, plans=OnePlan(FIVE_AN_HOUR), clock=clock)
        till = a_till(self.service, stays, {"open": channel}, clock)
        desk = RefundDesk(
            self.service, self.staff, refunds=till.refunds, audit=Audit(), clock=clock
        )
        return City(clock, stays, *till[:2], channel, channel, till.refunds, desk, self.service)

    async def _open(self) -> None:
        self.service = await open_database(self.url, Role.SERVICE, connections=2)
        self.batch = await open_database(self.url, Role.BATCH, connections=1)
        self.staff = await open_database(self.url, Role.STAFF, connections=1)
        self.owner = await asyncpg.connect(self.url)

    async def _close(self) -> None:
        for database in (self.service, self.batch, self.staff):
            await database.close()
        await self.owner.close()


class Machine(RuleBasedStateMachine):
    """One car that paid 10 yuan and left."""

    world: World

    @initialize()
    def begin(self) -> None:
        self.city = self.world.a_city()
        assert isinstance(self.city.channel, HeardChannel)
        self.channel = self.city.channel
        self.world.run(
            self.world.owner.execute("TRUNCATE payments.attempt, payments.refund, payments.request")
        )
        self.order_no, self.attempt = self.world.run(a_paid_order(self.city))
        self.world.run(leaves(self.city, self.order_no, after=62))
        self.oracle = PaidOnce(1000)

    @rule(fen=st.sampled_from((1, 300, 500, 700, 999, 1000, 1001)))
    def somebody_asks(self, fen: int) -> None:
        left = self.oracle.left_fen()
        asking = ask(self.city, fen, order_no=self.order_no)
        if fen <= left:
            [made] = self.world.run(asking)
            self.oracle.ask(made.refund_no, fen)
            return
        with pytest.raises(RefundAbovePaid) as above:
            self.world.run(asking)
        assert above.value.facts["left_fen"] == left

    @rule(word=st.sampled_from(WORDS), lost=st.sampled_from(("", "", "loses", "silent")))
    def the_job_runs(self, word: RefundWord, lost: str) -> None:
        """Let the provider take what is asked of it as it may, or lose it before or after."""
        provider = self.channel.refunds
        provider.accepts_as = word
        provider.loses, provider.silent = int(lost == "loses"), int(lost == "silent")
        self.channel.said.clear()
        self.channel.declined.clear()
        self.world.run(self.city.refunds.ask_providers())
        self.city.clock.go(minutes(61))
        for fact in self.channel.said:
            self.oracle.hear(fact.refund_no, fact.word)
        for number in self.channel.declined:
            self.oracle.hear(number, "abnormal")  # it waits for a person likewise

    @precondition(lambda self: self.channel.refunds.books)
    @rule(data=st.data(), word=st.sampled_from(WORDS))
    def the_bank_says_otherwise(self, data: st.DataObject, word: RefundWord) -> None:
        booked = data.draw(st.sampled_from(list(self.channel.refunds.books.values())))
        if booked.word not in {RefundWord.SUCCESS, RefundWord.CLOSED}:
            booked.word = word

    @precondition(lambda self: self.channel.refunds.books)
    @rule(data=st.data(), copies=st.integers(1, 3), old=st.sampled_from((None, *WORDS[1:])))
    def a_notice_comes(self, data: st.DataObject, copies: int, old: RefundWord | None) -> None:
        """Tell how a refund stands, or how it once stood."""
        number = data.draw(st.sampled_from(list(self.channel.refunds.books)))
        fact = self.channel.refunds.fact(number)
        if old is not None and fact.word == RefundWord.SUCCESS:
            fact = RefundFact(number, self.attempt.attempt_no, old, "m", fact.amount_fen)
            if old == RefundWord.CLOSED:
                return  # no provider ever says so of what it pays
        verdicts = [self.world.run(tell(self.city, None, refund=fact)) for _ in range(copies)]
        self.oracle.hear(number, fact.word)
        assert verdicts.count(Verdict.APPLIED) <= 1

    @precondition(lambda self: any(map(self.oracle.needs_a_person, self.oracle.asked)))
    @rule(data=st.data(), ruling=st.sampled_from(Ruling))
    def a_person_rules(self, data: st.DataObject, ruling: Ruling) -> None:
        waiting = [number for number in self.oracle.asked if self.oracle.needs_a_person(number)]
        number = data.draw(st.sampled_from(waiting))
        one, left = self.oracle.asked[number], self.oracle.left_fen()
        taken = one.stands == "closed" and ruling != Ruling.WITHDRAWN and one.fen > left
        said = RulingAsked(ruling, "talked to the payer")
        try:
            self.world.run(self.city.desk.rule(number, said, by=CITY_BOSS))
        except RefundAbovePaid:
            assert taken
            return
        assert not taken
        match (ruling, one.stands):
            case (Ruling.WITHDRAWN, _):
                one.stands, one.ruled = "closed", True
            case (Ruling.PAID_ELSEWHERE, _):
                one.stands, one.by_hand = "paid", True
                if number in self.channel.refunds.books:  # it was made sure of
                    self.channel.refunds.books[number].word = RefundWord.CLOSED
            case (_, "waits"):
                one.stands = "under_way"
            case (_, "closed"):
                one.ruled = True
                new = "SELECT refund_no FROM payments.refund WHERE again_of = $1"
                again = self.world.run(self.world.owner.fetchval(new, number))
                self.oracle.ask(again, one.fen)

    @invariant()
    def we_believe_what_the_oracle_does(self) -> None:
        if not hasattr(self, "oracle"):
            return
        rows = self.world.run(self.world.owner.fetch(BOOKS, self.attempt.attempt_no))
        ours = {row["refund_no"]: STANDS.get(row["state"], "under_way") for row in rows}
        assert ours == {number: one.stands for number, one in self.oracle.asked.items()}
        waits = {row["refund_no"] for row in rows if row["waits"]}
        assert waits == set(filter(self.oracle.needs_a_person, self.oracle.asked))
        live = sum(row["amount_fen"] for row in rows if row["state"] != "closed")
        assert live <= self.attempt.amount_fen

    @invariant()
    def the_sums_hold(self) -> None:
        if not hasattr(self, "oracle"):
            return
        order = self.world.run(order_of(self.city, self.order_no))
        assert order.paid_fen == self.oracle.kept_fen()
        assert balanced(order)
        assert order.owed_fen == 0, "nobody is asked anew for what went back"
        payable = self.world.run(self.world.owner.fetchval(PAYABLE, self.order_no))
        assert payable == self.oracle.reserved_fen()

    @invariant()
    def no_payer_gets_more_than_he_paid(self) -> None:
        if not hasattr(self, "oracle"):
            return
        by_hand = sum(one.fen for one in self.oracle.asked.values() if one.by_hand)
        back = self.channel.refunds.went_back_fen(self.attempt.attempt_no)
        assert back + by_hand <= self.attempt.amount_fen


def run_the_machine(url: str) -> None:
    """Run it in a thread: there the world has a loop that nobody else runs."""
    Machine.world = World(url)
    try:
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=40,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        Machine.world.close()


async def test_refunds_of_a_payment_stay_with_the_oracle_under_any_weather(database_url: str):
    await asyncio.to_thread(run_the_machine, database_url)
