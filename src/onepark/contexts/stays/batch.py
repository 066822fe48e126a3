"""What a batch of passages knew before it began, and how its answers go back.

Owns: parting what was answered before from what is folded, and the order of the answers.
Never: awaits, or decides what a passage means.
"""

from collections.abc import Sequence
from typing import NamedTuple

from onepark.contexts.stays import store
from onepark.contexts.stays.case import CarCase
from onepark.contexts.stays.model import Answer, Count, Outcome, Passage, Progress, Taken

Key = tuple[int, str, str]


class Resolved(NamedTuple):
    """What an id stands for after the batch."""

    fingerprint: bytes
    answer: Answer | None  # None: rejected, nothing is stored and the id is free
    is_new: bool
    is_bug: bool = False  # rejected because of us


Device = tuple[int, str]


class Came(NamedTuple):
    """What a part of a batch came to."""

    resolved: dict[Key, Resolved]
    counts: list[Count]
    progress: dict[Device, Progress]

    def and_then(self, after: "Came") -> "Came":
        """Return this part and a later one as one."""
        return Came(
            self.resolved | after.resolved,
            self.counts + after.counts,
            self.progress | after.progress,
        )


def sort_out(
    passages: Sequence[Passage], loaded: Sequence[store.Loaded]
) -> tuple[dict[Key, Resolved], list[CarCase]]:
    """Part what was answered before from what each car has to be folded for."""
    resolved: dict[Key, Resolved] = {}
    cases: dict[tuple[int, str], CarCase] = {}
    for passage, known in zip(passages, loaded, strict=True):
        if known.fingerprint is not None:
            resolved[passage.key] = Resolved(known.fingerprint, known.answer, is_new=False)
            continue
        case = cases.get(passage.car)
        if case is None:
            case = cases[passage.car] = CarCase(
                known.car, [], known.open, known.last, benefits=known.benefits
            )
        case.passages.append(passage)
    return resolved, list(cases.values())


def in_request_order(passages: Sequence[Passage], came: Came) -> list[Taken]:
    """Return what each passage came to; one that comes twice in a batch is new once."""
    first: set[Key] = set()
    taken: list[Taken] = []
    for passage in passages:
        one = _taken(passage, came.resolved[passage.key], repeated=passage.key in first)
        progress = came.progress.get((passage.lot_id, passage.device_id))
        taken.append(one if progress is None else one._replace(progress=progress))
        first.add(passage.key)
    return taken


def _taken(passage: Passage, resolved: Resolved, *, repeated: bool) -> Taken:
    if passage.fingerprint != resolved.fingerprint:
        return Taken(Outcome.CONFLICT, reason="stays.passage_id_reused")
    if resolved.answer is None:
        return Taken(Outcome.REJECTED, reason="stays.passage_unprocessable")
    is_new = resolved.is_new and not repeated
    return Taken(Outcome.ACCEPTED if is_new else Outcome.DUPLICATE, resolved.answer)
