"""A matcher that says what a test wants to hear."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from onepark.contexts.stays.model import Candidate, Passage, Suspicion, Verdict


class Resembles:
    """Knows which plates each reading may be, the likeliest first: one is sure, several are not."""

    def __init__(
        self, readings: Mapping[str, str] | None = None, *, unlikely: bool = False
    ) -> None:
        self._readings = {seen: plates.split() for seen, plates in (readings or {}).items()}
        self._unlikely = unlikely
        self.asked: list[tuple[str, list[str]]] = []

    def match(self, passage: Passage, candidates: Sequence[Candidate]) -> Suspicion:
        self.asked.append((passage.plate, [one.plate for one in candidates]))
        wanted = self._readings.get(passage.plate, [])
        found = [one for plate in wanted for one in candidates if one.plate == plate]
        ranked = [replace(one, score_milli=9_000 - n) for n, one in enumerate(found)]
        verdict = Verdict.ACCEPTED if len(ranked) == 1 else Verdict.AMBIGUOUS
        if self._unlikely or not ranked:
            verdict = Verdict.NONE
        return Suspicion(verdict, tuple(ranked), 0)
