"""A plan in plain Chinese, as it would stand on the board at the entrance.

Owns: the sentences; each part of the plan language has one function in PARTS. What is as usual is
not said: a free time that counts exactly, classes that pay what small cars pay.
Never: says what an amount is, or fails at a field that it has no words for: it leaves it out.
"""

from collections.abc import Callable, Iterator, Sequence

from onepark.contexts.tariffs.phrases import (
    ACROSS_VISITS,
    BOUNDARIES,
    CAPS,
    DAYS,
    FREE_FOR,
    FREE_MODES,
    GRANTS,
    HOUR_MINUTES,
    PERMILLE,
    PRICE_FORMS,
    QUOTA_PER,
    RESTARTS,
    ROUNDING_MODES,
    SCALES,
    TIER_CLOCKS,
    TRAITS,
    VEHICLES,
    Amount,
    Body,
    each,
    listed,
    percent,
    price,
    season,
    span,
    times,
    word,
    yuan,
)

DAY_MINUTES = 1_440
DAY_BEGINS, DAY_ENDS = "00:00", "24:00"
GRACE_MINUTES, COUPONS_MAX = 15, 8  # where a plan does not say


def plain_chinese(body: Body) -> list[str]:
    """Return the sentences that explain a plan to a driver, the most asked for first."""
    return [sentence for part in PARTS for sentence in part(body)]


# -- free time -------------------------------------------------------------------------------------


def _free(body: Body) -> Iterator[str]:
    free: Body = body.get("free") or {}
    minutes: int = free.get("minutes", 0)
    inclusive: bool = free.get("inclusive", True)
    if minutes:
        yield _within(minutes, inclusive=inclusive)
    for field, who in FREE_FOR.items():
        own: int | None = free.get(field)
        if own is not None and own != minutes:
            yield f"{who} {_within(own, inclusive=inclusive)}" if own else f"{who}无免费时长"
    if any(free.get(field) for field in ("minutes", *FREE_FOR)):
        yield FREE_MODES[free.get("mode", "deduct")]
        yield from _granted(free)


def _within(minutes: int, *, inclusive: bool) -> str:
    return f"{span(minutes)}（{'含' if inclusive else '不含'}）内免费"


def _granted(free: Body) -> Iterator[str]:
    if free.get("grant", "stay") != "stay":
        yield GRANTS[free["grant"]]
    quota: Body | None = free.get("quota")
    if quota is not None:
        then: int = quota.get("then_minutes", 0)
        rest = f"免费时长为 {span(then)}" if then else "不再享受免费时长"
        per = QUOTA_PER[quota["per"]]
        yield f"同一车辆{per}前 {quota['visits']} 次停放享受上述免费时长，之后{rest}"


# -- windows ---------------------------------------------------------------------------------------


def _windows(body: Body) -> Iterator[str]:
    yield from _layout(body.get("windows") or (), body)


def _zones(body: Body) -> Iterator[str]:
    zones: Body = body.get("zones") or {}
    for zone, windows in zones.items():
        for sentence in _layout(windows, body):
            yield f"{zone} 区：{sentence}"


def _layout(windows: Sequence[Body], body: Body) -> Iterator[str]:
    for window in windows:
        yield f"{_when_charged(window)}：{_charged(window)}"
    if not windows:
        yield "全天免费"
    elif _has_gap(windows, says_outside=body.get("outside") is not None):
        yield "其余时间免费"


def _has_gap(windows: Sequence[Body], *, says_outside: bool) -> bool:
    """Tell whether some time is free; where days differ, by the plan's own word."""
    if any(window.get("days") or window.get("season") for window in windows):
        return says_outside
    return sum(map(_window_minutes, windows)) < DAY_MINUTES


def _when_charged(window: Body) -> str:
    begins, ends = window.get("from", DAY_BEGINS), window.get("to", DAY_ENDS)
    seasons = "、".join(season(one["from"], one["to"]) for one in window.get("season") or ())
    days = listed(DAYS, window.get("days") or ())
    clock = "全天" if (begins, ends) == (DAY_BEGINS, DAY_ENDS) else f"{begins}–{ends}"
    return " ".join(filter(None, (seasons, days, clock)))


def _charged(window: Body) -> str:
    said = [*_tiers(window), *_steps(window.get("steps") or ())]
    counts: Body | None = window.get("counts")
    if counts is not None:
        over, as_minutes = span(counts["over_minutes"]), span(counts["as_minutes"])
        said.append(f"本时段停放超过 {over}的，按 {as_minutes}计")
    if window.get("cap_fen") is not None:
        said.append(f"本时段最高{price(window['cap_fen'])}")
    return "，".join(said)


def _tiers(window: Body) -> Iterator[str]:
    tiers: Sequence[Body] = window.get("tiers") or ()
    minutes = _window_minutes(window)
    if len(tiers) == 1 and minutes < DAY_MINUTES and minutes <= tiers[0]["unit_minutes"]:
        yield f"每次{price(tiers[0]['price_fen'])}"
        return
    reached = 0
    for tier in tiers:
        until, unit = tier.get("until_minutes"), tier["unit_minutes"]
        yield f"{_when(reached, until, unit)}{price(tier['price_fen'])}"
        reached = until or reached


def _when(reached: int, until: int | None, unit: int) -> str:
    if until is None:
        return f"之后{each(unit)}" if reached else each(unit)
    if until - reached == unit:
        first = f"首{'小时' if until == HOUR_MINUTES else f' {span(until)}'}"
        return f"超过 {span(reached)}至 {span(until)}" if reached else first
    return f"{f'超过 {span(reached)}至' if reached else '前'} {span(until)}内{each(unit)}"


def _steps(steps: Sequence[Body]) -> Iterator[str]:
    for step in steps:
        yield f"停放 {span(step['until_minutes'])}内共收{price(step['total_fen'])}"


def _window_minutes(window: Body) -> int:
    begins = _clock(window.get("from", DAY_BEGINS))
    ends = _clock(window.get("to", DAY_ENDS))
    return (ends - begins) % DAY_MINUTES or DAY_MINUTES


def _clock(text: str) -> int:
    hour, _, minute = text.partition(":")
    return int(hour) * HOUR_MINUTES + int(minute)


# -- how units, edges and days add up --------------------------------------------------------------


def _rounding(body: Body) -> Iterator[str]:
    rounding = body.get("rounding", "up")
    if rounding == "tail":
        tail = span(body["tail_minutes"])
        yield f"不足一个计费单位的，{tail}（含）内不计费，超过 {tail}的按一个计费单位计"
    elif rounding == "down":
        yield "不足一个计费单位的，不计费"
    elif any(window.get("tiers") for window in _all_windows(body)):
        yield "不足一个计费单位的，按一个计费单位计"


def _boundary(body: Body) -> Iterator[str]:
    if len(body.get("windows") or ()) > 1 or body.get("boundary") == "unit_start":
        yield BOUNDARIES[body.get("boundary", "split")]
    crossing: Body | None = body.get("crossing")
    if crossing is not None:
        within = "不超过" if crossing.get("inclusive", True) else "不足"
        later = crossing.get("part") == "later"
        part = "进入后一时段" if later else "在其中一个时段"
        length = span(crossing["minutes"])
        yield f"停放跨越一处时段分界、{part}{within} {length}的，全程按入场时段计费"


def _tier_clock(body: Body) -> Iterator[str]:
    if body.get("tier_clock") in TIER_CLOCKS:
        yield TIER_CLOCKS[body["tier_clock"]]


def _caps(body: Body) -> Iterator[str]:
    caps: Body = body.get("caps") or {}
    for field, (words, period) in CAPS.items():
        if caps.get(field) is not None:
            yield _cap(words, period, caps[field])
            if caps.get("across_visits"):
                yield ACROSS_VISITS[field]
    if caps.get("uncapped"):
        yield "不设每日或 24 小时最高收费"


def _cap(words: str, period: str, amounts: Amount | Sequence[Amount]) -> str:
    if not isinstance(amounts, Sequence):
        return f"{words}{price(amounts)}"
    if len(amounts) == 1:
        return f"{words}{price(amounts[0])}"
    said = [f"第 {number} {period}{price(one)}" for number, one in enumerate(amounts, 1)]
    said[-1] = said[-1].replace(period, f"{period}起", 1)
    return f"{words}：{'，'.join(said)}"


def _restart(body: Body) -> Iterator[str]:
    if _all_windows(body):
        yield RESTARTS[body.get("restart", "every_24h")]


def _night_pack(body: Body) -> Iterator[str]:
    pack: Body | None = body.get("night_pack")
    if pack is not None:
        amount, units = pack["price_fen"], pack["max_units"]
        said = (
            f"夜间 {pack['enter_from']} 后入场且次日 {pack['leave_by']} 前离场："
            f"{each(pack['unit_minutes'])}{price(amount)}，最高{price(amount, units)}"
        )
        yield said if pack.get("after_free", True) else f"{said}，不扣除免费时长"


# -- who pays less, and the rest -------------------------------------------------------------------


def _vehicles(body: Body) -> Iterator[str]:
    vehicles: Body = body.get("vehicles") or {}
    for name, scale in vehicles.items():
        for field, words in SCALES.items():
            permille: int = scale.get(field, PERMILLE)
            if permille != PERMILLE:
                yield f"{word(VEHICLES, name)}{words}按 {times(permille)}计"


def _benefits(body: Body) -> Iterator[str]:
    exempt: Sequence[str] = body.get("exempt") or ()
    if exempt:
        yield f"{listed(TRAITS, exempt)}免费"
    discounts: Sequence[Body] = body.get("discounts") or ()
    for one in discounts:
        who = listed(TRAITS, one["traits"])
        yield f"{one['name']}：{who}优惠 {percent(one['off_permille'])}"
    if len(discounts) > 1:
        yield "多项优惠只享受优惠最多的一项"
    yield from _discount_rounding(body.get("discount_rounding") or {})


def _discount_rounding(rounding: Body) -> Iterator[str]:
    to_fen, mode = rounding.get("to_fen", 1), rounding.get("mode", "down")
    if (to_fen, mode) != (1, "down"):
        yield f"优惠后的金额{ROUNDING_MODES[mode]}到 {yuan(to_fen)}"


def _coupons(body: Body) -> Iterator[str]:
    most = body.get("coupons_max", COUPONS_MAX)
    if most != COUPONS_MAX:
        yield f"每次停放最多使用 {most} 张优惠券" if most else "不接受优惠券"


def _longer(body: Body) -> Iterator[str]:
    if body.get("longer_may_cost_less"):
        yield "个别情形下，停放更久收费反而更低"


def _exit_grace(body: Body) -> Iterator[str]:
    minutes = body.get("exit_grace_minutes", GRACE_MINUTES)
    if minutes and _all_windows(body):
        yield f"缴费后请在 {minutes} 分钟内离场"


def _price_form(body: Body) -> Iterator[str]:
    yield PRICE_FORMS[body.get("price_form", "market")]


def _all_windows(body: Body) -> list[Body]:
    zones: Body = body.get("zones") or {}
    layouts: tuple[Sequence[Body], ...] = (body.get("windows") or (), *zones.values())
    return [window for windows in layouts for window in windows]


PARTS: tuple[Callable[[Body], Iterator[str]], ...] = (
    _free,
    _windows,
    _zones,
    _rounding,
    _boundary,
    _tier_clock,
    _caps,
    _restart,
    _night_pack,
    _vehicles,
    _benefits,
    _coupons,
    _longer,
    _exit_grace,
    _price_form,
)
