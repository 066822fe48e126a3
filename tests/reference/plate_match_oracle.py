"""Which car inside a reading was meant for, by the book: every alignment, every stay, no short cut.

Owns: a second, independent reading of docs/plates.md.
Never: shares code with what it checks, or saves a step.
"""

from collections import Counter
from decimal import Decimal, getcontext
from functools import cache
from math import exp, log
from typing import Any, NamedTuple

from tests.reference.plate_oracle import kind

PROVINCES = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新"
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
DIGITS = "0123456789"
MARKS = "警学挂港澳使领临试超应急民航"
CLASSES = {"small", "medium", "large", "motorcycle", "oversize", "tricycle"}
LENGTH_MAX = 12
RANKED_MAX = 5
LEARNED_MIN, LEARNED_MAX = 1_500, 16_000

getcontext().prec = 40


class Report(NamedTuple):
    plate: str
    color: str
    vehicle: str
    at_s: int


def ln_milli(n: int) -> int:
    return int(1000 * Decimal(n).ln()) if n > 1 else 0


def signs(text: str) -> list[str]:
    """The characters as the matcher sees them; one that stands on no plate is unlike any other."""
    known = PROVINCES + LETTERS + DIGITS + MARKS
    spelled = text.replace("O", "0").replace("I", "1")
    return [c if c in known else f"foreign {place}" for place, c in enumerate(spelled)]


def group(sign: str) -> str:
    alphabets = {"province": PROVINCES, "letter": LETTERS, "digit": DIGITS, "mark": MARKS}
    return next((name for name, all_ in alphabets.items() if sign in all_), "foreign")


def read_cost(model: dict[str, Any], true: str, seen: str) -> int:
    if true == seen and group(true) != "foreign":
        return 0
    if seen in model["look_alike"].get(true, {}):
        return int(model["look_alike"][true][seen])
    groups, dissimilar = {group(true), group(seen)}, model["dissimilar"]
    if "foreign" in groups:
        return int(dissimilar["unreadable"])
    if groups == {"province"}:
        return int(dissimilar["province"])
    return int(dissimilar["serial" if groups <= {"letter", "digit"} else "mark"])


class Prices(NamedTuple):
    missing: dict[str, int]
    extra: dict[str, int]


def prices_of(model: dict[str, Any], true: str, seen: str) -> Prices:
    """What is missing or extra costs less where it turns one length of plate into the other."""
    missing, extra = dict(model["missing"]), dict(model["extra"])
    energy = {"energy_small", "energy_large"}
    if len(true) == 8 and len(seen) == 7 and kind(true) in energy:
        places = ("middle", "tail")
        missing |= {place: min(missing[place], missing["energy"]) for place in places}
    if len(true) == 7 and len(seen) == 8 and kind(seen) in energy:
        extra |= {
            place: min(extra[place], extra["energy"]) for place in ("middle", "double", "tail")
        }
    return Prices(missing, extra)


def is_double(seen: list[str], place: int) -> bool:
    one, other = seen[place], seen[place - 1]
    return place > 0 and (one == other or ("foreign" in one and "foreign" in other))


def alignment_cost(model: dict[str, Any], true: str, seen: str) -> int:
    """The cheapest of all ways to read one text where the other stands."""
    t, s = signs(true), signs(seen)
    missing, extra = prices_of(model, true, seen)

    @cache
    def body(i: int, j: int) -> int:
        """The price of the first i characters of the plate and the first j of the reading."""
        ways = [0] if i == j == 0 else []
        if i and j:
            ways.append(body(i - 1, j - 1) + read_cost(model, t[i - 1], s[j - 1]))
        if i:
            ways.append(body(i - 1, j) + missing["head" if i == 1 else "middle"])
        if j:
            double = extra["double"] if is_double(s, j - 1) else extra["middle"]
            ways.append(body(i, j - 1) + min(double, extra["middle"]))
        return min(ways)

    n, m = len(t), len(s)
    lost = [(n - k, m, "missing", k) for k in range(1, n + 1)]
    gained = [(n, m - k, "extra", k) for k in range(1, m + 1)]
    sides = {"missing": missing, "extra": extra}
    tails = [
        body(i, j) + sides[side]["tail"] + (k - 1) * sides[side]["tail_again"]
        for i, j, side, k in lost + gained
    ]
    return min([body(n, m), *tails])


def rarity(model: dict[str, Any], text: str, inside: list[str]) -> int:
    """-1000 ln P of reading a text from a car that is not inside."""
    background = model["background"]
    beginnings = Counter(tuple(signs_or_foreign(plate)[:2]) for plate in inside)
    same = beginnings[tuple(signs_or_foreign(text)[:2])]
    cost = ln_milli(len(inside) + background["prefixes"]) - ln_milli(same + 1)
    groups = [group(sign) for sign in signs(text)[2:]]
    serial = [background[name if name in {"digit", "letter"} else "mark"] for name in groups]
    return int(cost + sum(serial) + form_cost(background, kind(text), groups.count("letter")))


def signs_or_foreign(text: str) -> list[str]:
    padded = ["foreign" if "foreign" in sign else sign for sign in signs(text)]
    return [*padded, "京", "京"][:2]  # a text of one character counts as if the first sign followed


def form_cost(background: dict[str, Any], of_kind: str, letters: int) -> int:
    if of_kind == "ordinary":
        return int(background["ordinary"][letters])
    names = {"energy_small": "energy_small", "energy_large": "energy_large", "none": "no_plate"}
    return int(background[names.get(of_kind, "rare")])


def agrees(one: str, other: str) -> bool:
    greens = {"green", "yellow_green"}
    return one == other or "unknown" in {one, other} or {one, other} <= greens


def circumstances(prior: dict[str, Any], seen: Report, stay: Report) -> int:
    total = 0
    if "unknown" not in {seen.color, stay.color}:
        alike = "color_alike" if agrees(seen.color, stay.color) else "color_differs"
        total += prior["color_same" if seen.color == stay.color else alike]
    if {seen.vehicle, stay.vehicle} <= CLASSES:
        total += prior["vehicle_same" if seen.vehicle == stay.vehicle else "vehicle_differs"]
    stay_s = seen.at_s - stay.at_s
    if stay_s < 0:
        return int(total + prior["before_entry"])
    steps = (step["milli"] for step in prior["stay"] if stay_s < step["until_s"])
    return int(total + next(steps, prior["stay_longer"]))


def learned_cost(base: int, misread: int, weight: int, counts: tuple[int, int]) -> float:
    """The price of an error after counts of (how often it was made, how often it could be)."""
    made, possible = counts
    believed = weight * exp((misread - base) / 1000)
    cost = misread - 1000 * log((believed + made) / (weight + possible))
    return min(max(cost, LEARNED_MIN), LEARNED_MAX)


def score(model: dict[str, Any], seen: Report, stay: Report, stays: list[Report]) -> int:
    inside = [one.plate for one in stays if 0 < len(one.plate) <= LENGTH_MAX]
    true, misread = stay.plate, seen.plate
    if kind(seen.plate) != "none" and kind(stay.plate) == "none":
        true, misread = misread, true
    evidence = rarity(model, misread, inside) + circumstances(model["prior"], seen, stay)
    odds = int(model["prior"]["stranger"]) - ln_milli(len(stays))
    return evidence + odds - alignment_cost(model, true, misread)


def match(
    model: dict[str, Any], seen: Report, stays: list[Report]
) -> tuple[str, list[tuple[int, int]]]:
    """Return the verdict and the ranked (index, score)."""
    if not 0 < len(seen.plate) <= LENGTH_MAX:
        return "none", []
    scores = {
        index: score(model, seen, stay, stays)
        for index, stay in enumerate(stays)
        if 0 < len(stay.plate) <= LENGTH_MAX
    }
    same = [i for i in scores if is_same(stays[i], seen)]
    floor = model["threshold"] - model["margin"]
    kept = same or [index for index, one in scores.items() if one >= floor]
    key = {i: (-scores[i], stays[i].at_s, stays[i].plate, i) for i in kept}
    ranked = [(index, scores[index]) for index in sorted(kept, key=key.__getitem__)][:RANKED_MAX]
    if same:
        return ("exact" if len(same) == 1 else "ambiguous"), ranked
    return verdict(model, [one for _, one in ranked]), ranked


def is_same(stay: Report, seen: Report) -> bool:
    return stay.plate == seen.plate and agrees(stay.color, seen.color)


def verdict(model: dict[str, Any], scores: list[int]) -> str:
    if not scores or scores[0] < model["threshold"]:
        return "none"
    is_clear = len(scores) == 1 or scores[0] - scores[1] >= model["margin"]
    return "accepted" if is_clear else "ambiguous"
