"""What is hashed of a journal, and that two ways of writing it agree."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from onepark.app.ledger_audit import canonical
from onepark.contexts.ledger import rules
from onepark.contexts.ledger.model import KeptJournal
from onepark.kernel.types import OperatorId
from tests.builders import EIGHT
from tests.store.ledger.conftest import a_journal

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
MOMENTS = st.integers(-(10**15), 4 * 10**15).map(
    lambda microseconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
)


def row_of(kept: KeptJournal, sequence: int) -> Any:
    """The journal as the verifier's own statement would read it."""
    one = kept.journal
    fields = {name: getattr(one, name) for name in one.__struct_fields__ if name != "postings"}
    accounts = [line.account for line in one.postings]
    return {
        **fields,
        "sequence": sequence,
        "journal_id": kept.journal_id,
        "posted_at": kept.posted_at,
        "clearing_day": one.day,
        "accounts": [account.kind.value for account in accounts],
        "owners": [account.owner for account in accounts],
        "amounts": [line.amount_fen for line in one.postings],
    }


def test_the_bytes_of_a_seal_are_those_of_the_manual():
    kept = KeptJournal(42, EIGHT, a_journal(business_key="attempt:A", order_no="P1", lot_id=7))
    eight = rules.microseconds(EIGHT)
    assert rules.canonical(kept, 3).decode() == (
        f'[1,3,42,{eight},7,"receipt","attempt:A",{eight},"{kept.journal.day}","commercial","P1",7,'
        'null,[["channel_receivable","wechat",500],["parking_revenue","commercial",-500]]]'
    )
    [seal] = rules.chain(rules.no_head(OperatorId(7)), [kept])
    assert seal.digest == hashlib.sha256(bytes(32) + rules.canonical(kept, 1)).digest()


@given(
    order_no=st.none() | TEXT,
    about=st.none() | TEXT,
    key=TEXT,
    at=MOMENTS,
    fen=st.integers(1, 2**63 - 1),
)
def test_the_sealer_and_the_verifier_hash_the_same_bytes(order_no, about, key, at, fen):
    journal = a_journal(fen, business_key=key, order_no=order_no, about=about, occurred_at=at)
    kept = KeptJournal(2**40, at, journal)
    assert rules.canonical(kept, 2**40) == canonical(row_of(kept, 2**40))


def test_a_link_depends_on_all_before_it_and_on_its_place():
    kept = [KeptJournal(number, EIGHT, a_journal()) for number in (1, 2, 3)]
    whole = rules.chain(rules.no_head(OperatorId(7)), kept)
    assert [seal.sequence for seal in whole] == [1, 2, 3]
    assert [seal.previous for seal in whole[1:]] == [seal.digest for seal in whole[:2]]
    swapped = rules.chain(rules.no_head(OperatorId(7)), [kept[1], kept[0], kept[2]])
    assert {seal.digest for seal in whole} & {seal.digest for seal in swapped} == set()
