"""What a run was told: cars that the platform counted in and out, payments, repeats.

Owns: this process's sums, and adding those of another.
Never: notes anything that was not answered, or knows Locust.
"""

import msgspec


class Books(msgspec.Struct):
    """Sums of a run; all but the first only grow."""

    moved: dict[str, int] = msgspec.field(default_factory=dict)  # by lot: entries less exits
    passages: int = 0
    repeats: int = 0
    repeats_wrong: int = 0
    paid_fen: int = 0
    payments: int = 0

    def move(self, lot: str, by: int) -> None:
        """Count a car in or out of a lot."""
        self.moved[lot] = self.moved.get(lot, 0) + by

    def add(self, other: "Books") -> None:
        """Count what another process was told."""
        for lot, by in other.moved.items():
            self.move(lot, by)
        self.passages += other.passages
        self.repeats += other.repeats
        self.repeats_wrong += other.repeats_wrong
        self.paid_fen += other.paid_fen
        self.payments += other.payments

    def taken(self) -> "Books":
        """Return the sums and begin anew, so that a report is never counted twice."""
        told, new = msgspec.structs.replace(self), Books()
        for name in self.__struct_fields__:
            setattr(self, name, getattr(new, name))
        return told


BOOKS = Books()
