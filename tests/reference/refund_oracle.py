"""The slow, plain oracle of refunds: one payment, what was asked back of it, and what must hold.

Owns: what we may believe of each refund, with whole fen and plain loops.
Never: imports the platform.
"""

from dataclasses import dataclass, field


@dataclass
class Asked:
    """One refund: its amount and how it stands with us."""

    fen: int
    stands: str = "under_way"  # "under_way", "waits", "closed", "paid"
    ruled: bool = False  # a closed one that nobody has to look at any more
    by_hand: bool = False


@dataclass
class PaidOnce:
    """A payment and everything that was asked back of it."""

    paid_fen: int
    asked: dict[str, Asked] = field(default_factory=dict)

    def left_fen(self) -> int:
        """What may still be asked for: whatever is neither reserved nor given back."""
        left = self.paid_fen
        for one in self.asked.values():
            if one.stands != "closed":
                left -= one.fen
        return left

    def kept_fen(self) -> int:
        """What the order has kept of its payment."""
        kept = self.paid_fen
        for one in self.asked.values():
            if one.stands == "paid":
                kept -= one.fen
        return kept

    def reserved_fen(self) -> int:
        """What is reserved and not paid."""
        reserved = 0
        for one in self.asked.values():
            if one.stands in {"under_way", "waits"}:
                reserved += one.fen
        return reserved

    def ask(self, number: str, fen: int) -> None:
        """Reserve a refund that fits."""
        assert fen <= self.left_fen(), "whoever asks looks first"
        self.asked[number] = Asked(fen)

    def hear(self, number: str, word: str) -> None:
        """Believe what a provider says, if it says something further on."""
        one = self.asked[number]
        if one.stands == "paid":
            return
        if word == "success" and (one.stands != "closed" or one.fen <= self.left_fen()):
            one.stands, one.ruled = "paid", False
        elif word == "closed" and one.stands != "closed":
            one.stands, one.ruled = "closed", False
        elif word == "abnormal" and one.stands == "under_way":
            one.stands = "waits"

    def needs_a_person(self, number: str) -> bool:
        """Say whether a refund came to nothing and nobody has ruled on it."""
        one = self.asked[number]
        return one.stands == "waits" or (one.stands == "closed" and not one.ruled)
