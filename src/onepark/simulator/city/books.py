"""What the simulator knows that it did.

Owns: the simulator's side of every comparison, and the numbers of the live line.
Never: asks the platform, or believes anything that was not answered.
"""

from collections import Counter
from dataclasses import dataclass, field

from onepark.simulator.city.wire import Answer, Payment

DIFFERENCES_KEPT = 100


@dataclass
class Payments:
    """Payments by their number, in one of three standings."""

    begun: dict[str, Payment] = field(default_factory=dict)  # nobody knows yet
    paid: dict[str, Payment] = field(default_factory=dict)


@dataclass
class Books:
    """The simulator's own account of one run."""

    keeps_payments: bool = False  # a run without a check needs only their sums
    passages: int = 0  # answered, repeats included
    entries: Counter[str] = field(default_factory=Counter)  # by lot, those that were counted in
    exits: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)  # by kind
    anomalies: Counter[str] = field(default_factory=Counter)
    repeats: int = 0
    repeats_wrong: list[str] = field(default_factory=list)
    orders_paid: int = 0
    paid_fen: int = 0
    payments: Payments = field(default_factory=Payments)

    def begun(self, payment: Payment) -> None:
        """Note a payment that the platform began for us."""
        if self.keeps_payments and payment.payment_no not in self.payments.paid:
            self.payments.begun[payment.payment_no] = payment

    def paid(self, payment: Payment) -> None:
        """Note that the platform let a car out for a payment, or called its order paid."""
        self.orders_paid += 1
        self.paid_fen += payment.amount_fen
        if self.keeps_payments:
            self.payments.begun.pop(payment.payment_no, None)
            self.payments.paid[payment.payment_no] = payment

    def repeated(self, first: Answer, again: Answer) -> None:
        """Note a passage that was sent twice, and whether it got one answer."""
        self.repeats += 1
        wrong = difference_of_repeat(first, again)
        if wrong is not None and len(self.repeats_wrong) < DIFFERENCES_KEPT:
            self.repeats_wrong.append(wrong)

    def moved(self) -> dict[str, int]:
        """Return by how much our cars changed the count of each lot that they touched."""
        return {lot: self.entries[lot] - self.exits[lot] for lot in self.entries | self.exits}


def difference_of_repeat(first: Answer, again: Answer) -> str | None:
    """Say what is wrong with the answer to a repeat; None when nothing is."""
    if again.outcome != "duplicate":
        return f"{again.passage_id}: the repeat was {again.outcome}"
    if _content(first) != _content(again):
        return f"{again.passage_id}: first {_content(first)}, then {_content(again)}"
    return None


def _content(answer: Answer) -> tuple[object, ...]:
    return (
        answer.decision,
        answer.stay_id,
        answer.order_no,
        answer.due_fen,
        answer.lines,
        answer.reason,
    )
