"""The slow, plain oracle of refunds: one payment, a list of what was asked, and what must hold.

Owns: what a provider really paid and what we may believe of it, with whole fen and plain loops.
Never: imports the platform.
"""

from dataclasses import dataclass, field


@dataclass
class Asked:
    """One refund: its amount, how it stands with us, and with the provider."""

    fen: int
    ours: str = "under_way"  # "under_way", "waits", "closed", "paid"
    theirs: str = "unknown"  # "unknown", "processing", "abnormal", "closed", "paid"
    replaced: bool = False


@dataclass
class PaidOnce:
    """A payment and everything that was asked back of it."""

    paid_fen: int
    asked: dict[str, Asked] = field(default_factory=dict)

    def left_fen(self) -> int:
        """What may still be asked for: whatever is not reserved, and was not given back."""
        left = self.paid_fen
        for one in self.asked.values():
            if one.ours != "closed":
                left -= one.fen
        return left

    def kept_fen(self) -> int:
        """What the order has kept of its payment."""
        kept = self.paid_fen
        for one in self.asked.values():
            if one.ours == "paid":
                kept -= one.fen
        return kept

    def ask(self, number: str, fen: int) -> None:
        """Reserve a refund that fits."""
        assert fen <= self.left_fen(), "whoever asks looks first"
        self.asked[number] = Asked(fen)

    def hear(self, number: str, word: str) -> None:
        """Believe what a provider says, if it says something further on."""
        one = self.asked[number]
        if one.ours == "paid":
            return
        if word == "success" and (one.ours != "closed" or one.fen <= self.left_fen()):
            one.ours = "paid"
        elif word == "closed":
            one.ours = "closed"
        elif word == "abnormal" and one.ours == "under_way":
            one.ours = "waits"
