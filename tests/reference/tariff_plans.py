"""Random plans, stays and terms: every field of the language, in every company that it allows.

Owns: Hypothesis strategies for plans.
Never: prices anything.
"""

from typing import Any

from hypothesis import strategies as st

from tests.reference.tariff_benefits import Terms

DAY_S = 86_400
FIRST_S = 946_656_000
CLASSES = ("small", "medium", "large", "motorcycle", "oversize", "tricycle")
TRAITS = ("electric", "disabled", "resident", "citizen_card", "police")
DAY_SPLITS: list[list[list[str]]] = [
    [[]],
    [["workday"], ["non_workday"]],
    [["workday"], ["weekend"], ["holiday"]],
    [["workday", "weekend"], ["short_holiday"], ["golden_week", "spring_festival"]],
]
SEASONS = [[{"from": "05-01", "to": "10-31"}], [{"from": "11-01", "to": "04-30"}]]

PACK = {
    "name": "night",
    "enter_from": "20:00",
    "leave_by": "07:00",
    "unit_minutes": 60,
    "price_fen": 100,
    "max_units": 5,
}

fen = st.integers(0, 100).map(lambda tens: tens * 10)
prices = fen | st.fixed_dictionaries({"small": fen, "large": fen})
calendars = st.binary(max_size=400).map(lambda data: bytes(code % 6 for code in data))


def clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


@st.composite
def tiers(draw: st.DrawFn) -> list[dict[str, Any]]:
    made, until = [], 0
    for _ in range(draw(st.integers(0, 3))):
        unit = draw(st.sampled_from([15, 20, 30, 45, 60, 120]))
        until += unit * draw(st.integers(1, 3))
        made.append({"until_minutes": until, "unit_minutes": unit, "price_fen": draw(prices)})
    last = draw(st.sampled_from([7, 15, 30, 60, 61, 90, 1_440]))
    return [*made, {"unit_minutes": last, "price_fen": draw(prices)}]


@st.composite
def steps(draw: st.DrawFn) -> list[dict[str, Any]]:
    ends = sorted(draw(st.sets(st.integers(1, 95), max_size=4)))
    total, made = 0, []
    for end in [*(end * 15 for end in ends), 1_440]:
        total += draw(st.integers(0, 50)) * 10
        made.append({"until_minutes": end, "total_fen": total})
    return made


@st.composite
def priced(draw: st.DrawFn, with_steps: bool, with_counts: bool) -> dict[str, Any]:
    if with_steps and draw(st.integers(0, 3)) == 0:
        window: dict[str, Any] = {"steps": draw(steps())}
    else:
        window = {"tiers": draw(tiers())}
    if draw(st.integers(0, 3)) == 0:
        window["cap_fen"] = draw(prices)
    if with_counts and draw(st.integers(0, 3)) == 0:
        over, as_minutes = draw(st.tuples(st.integers(1, 600), st.integers(1, 600)))
        window["counts"] = {"over_minutes": over, "as_minutes": as_minutes}
    return window


@st.composite
def windows_of_day(draw: st.DrawFn, one: st.SearchStrategy[dict[str, Any]]) -> list[dict[str, Any]]:
    """Windows that do not overlap, some over midnight; or one that never ends."""
    if draw(st.integers(0, 3)) == 0:
        return [{"name": "w", "from": "00:00", "to": "24:00", **draw(one)}]
    edges = sorted(draw(st.sets(st.integers(0, 287), min_size=2, max_size=6)))
    if draw(st.booleans()):
        edges = [*edges[1:], edges[0]]
    pairs = zip(edges[::2], edges[1::2], strict=False)
    return [{"name": "w", "from": clock(a * 5), "to": clock(b * 5), **draw(one)} for a, b in pairs]


@st.composite
def windows(draw: st.DrawFn, one: st.SearchStrategy[dict[str, Any]]) -> list[dict[str, Any]]:
    """Windows for every kind of day, or for parts of the year."""
    made: list[dict[str, Any]] = []
    if draw(st.integers(0, 4)) == 0:
        for season in SEASONS:
            made += [window | {"season": season} for window in draw(windows_of_day(one))]
        return made
    for days in draw(st.sampled_from(DAY_SPLITS)):
        if days and draw(st.integers(0, 5)) == 0:
            continue  # nothing is charged on these days
        made += [window | ({"days": days} if days else {}) for window in draw(windows_of_day(one))]
    return made


@st.composite
def frees(draw: st.DrawFn) -> dict[str, Any]:
    free: dict[str, Any] = {
        "minutes": draw(st.sampled_from([0, 15, 30, 61, 1_440])),
        "mode": draw(st.sampled_from(["deduct", "absorb"])),
        "grant": draw(st.sampled_from(["stay", "stay", "day", "window", "24h"])),
        "inclusive": draw(st.booleans()),
    }
    if draw(st.booleans()):
        free["electric_minutes"] = draw(st.sampled_from([0, 60, 120]))
    if draw(st.integers(0, 3)) == 0:
        per, then = draw(st.sampled_from(["24h", "day"])), draw(st.sampled_from([0, 10, 90]))
        free["quota"] = {"visits": 2, "per": per, "then_minutes": then}
    return free


@st.composite
def caps(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["none", "natural_day_fen", "rolling_24h_fen"]))
    if kind == "none":
        return {}
    one = st.integers(50, 900).map(lambda tens: tens * 10)
    if draw(st.booleans()):
        return {kind: draw(one), "across_visits": draw(st.booleans())}
    return {kind: draw(st.lists(one, min_size=1, max_size=3))}


@st.composite
def plans(draw: st.DrawFn, restarts: tuple[str, ...] = ("never", "every_24h", "every_day")) -> Any:
    capped, restart = draw(caps()), draw(st.sampled_from(restarts))
    fits = {"natural_day_fen": "every_24h", "rolling_24h_fen": "every_day"}
    if draw(st.booleans()) and any(fits.get(kind) == restart for kind in capped):
        restart = restarts[0]  # what days of different kinds ask for
    overruns = restart != "never" and draw(st.integers(0, 3)) == 0
    one = priced(with_steps=restart != "never", with_counts=not overruns)
    body: dict[str, Any] = {
        "windows": draw(windows(one)),
        "restart": restart,
        "tier_clock": draw(st.sampled_from(["stay", "window"])),
        "boundary": "unit_start" if overruns else "split",
        "rounding": draw(st.sampled_from(["up", "up", "down"])),
        "free": draw(frees()),
        "caps": capped,
        "vehicles": {"large": {"price_permille": 1_500, "cap_permille": 1_300}},
        "exempt": ["police"],
    }
    if draw(st.integers(0, 3)) == 0:
        body |= {"rounding": "tail", "tail_minutes": draw(st.integers(1, 40))}
    if draw(st.integers(0, 3)) == 0:
        body["zones"] = {"B2": draw(windows(one))}
    across = body["caps"].get("across_visits", False)
    if not across:
        draw(extras(body))
    draw(discounts(body))
    return body


@st.composite
def extras(draw: st.DrawFn, body: dict[str, Any]) -> None:
    """What does not go with a cap that spans visits."""
    if draw(st.integers(0, 3)) == 0:
        body["crossing"] = {
            "minutes": draw(st.integers(1, 180)),
            "inclusive": draw(st.booleans()),
            "part": draw(st.sampled_from(["either", "later"])),
        }
    most = body["caps"].get("natural_day_fen", body["caps"].get("rolling_24h_fen", 100_000))
    least = min(most) if isinstance(most, list) else most
    if least >= 800 and draw(st.integers(0, 2)) == 0:
        body["night_pack"] = PACK | {"after_free": draw(st.booleans())}


@st.composite
def discounts(draw: st.DrawFn, body: dict[str, Any]) -> None:
    if draw(st.booleans()):
        body["discounts"] = [
            {"name": "ev", "traits": ["electric"], "off_permille": draw(st.integers(1, 1_000))},
            {"name": "card", "traits": ["resident", "citizen_card"], "off_permille": 200},
        ]
        mode = draw(st.sampled_from(["down", "half_up", "up"]))
        body["discount_rounding"] = {"to_fen": draw(st.sampled_from([1, 10, 50])), "mode": mode}


stays = st.one_of(
    st.integers(0, 4 * 3_600),
    st.integers(0, 2 * DAY_S),
    st.integers(0, 12 * DAY_S),
    st.builds(lambda minutes: minutes * 60, st.integers(0, 4 * 1_440)),
)
entries = st.integers(FIRST_S, FIRST_S + 90 * 365 * DAY_S) | st.builds(
    lambda quarter: FIRST_S + quarter * 900, st.integers(0, 40_000)
)
carries = st.none() | st.tuples(st.integers(-DAY_S, 2 * DAY_S), st.integers(0, 12_000))
coupons = st.lists(
    st.sampled_from(
        [("minutes", 60), ("minutes", 7), ("off_permille", 333), ("amount_fen", 450), ("full", 0)]
    ),
    max_size=3,
)


@st.composite
def terms(draw: st.DrawFn, entered_s: int) -> Terms:
    overrides: list[tuple[int, int, int]] = []
    begins_s = entered_s - DAY_S
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        begins_s += draw(st.integers(0, 2 * DAY_S))
        ends_s = begins_s + draw(st.integers(1, 2 * DAY_S))
        overrides.append((begins_s, ends_s, draw(st.sampled_from([0, 333, 500, 1_000]))))
        begins_s = ends_s
    return Terms(
        traits=draw(st.sets(st.sampled_from(TRAITS), max_size=2)),
        zone=draw(st.sampled_from([None, None, "B2", "unknown"])),
        free_visits_used=draw(st.sampled_from([0, 0, 1, 2])),
        coupons=draw(coupons),
        overrides=overrides,
    )
