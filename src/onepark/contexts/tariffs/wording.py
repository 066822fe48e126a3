"""A plan in plain Chinese, as it would stand on the board at the entrance.

Owns: the words; each part of the plan language has one function in PARTS, or one row of a table.
Never: says what an amount is, or fails at a field that it has no words for: it leaves it out.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

Body: TypeAlias = Mapping[str, Any]

FEN_PER_YUAN, PERMILLE = 100, 1_000
HOUR_MINUTES, DAY_MINUTES = 60, 1_440
DAY_BEGINS, DAY_ENDS = "00:00", "24:00"
GRACE_MINUTES = 15  # where a plan does not say

PRICE_FORMS = {
    "government_fixed": "政府定价",
    "government_guided": "政府指导价",
    "market": "市场调节价",
}
FREE_MODES = {
    "deduct": "超过免费时长的，扣除免费时长后计费",
    "absorb": "超过免费时长的，免费时长一并计费",
}
TIER_CLOCKS = {"window": "各时段分别累计计费时长"}
RESTARTS = {
    "every_24h": "连续停放每满 24 小时，重新计费",
    "every_day": "每日零时起重新计费",
}
CAPS = {"natural_day_fen": "每自然日最高", "rolling_24h_fen": "24 小时最高"}
VEHICLES = {"small": "小型车", "medium": "中型车", "large": "大型车", "motorcycle": "摩托车"}
SCALES = {"price_permille": "价格", "cap_permille": "最高收费"}


def plain_chinese(body: Body) -> list[str]:
    """Return the sentences that explain a plan to a driver, the most asked for first."""
    return [sentence for part in PARTS for sentence in part(body)]


def yuan(fen: int) -> str:
    """Return an amount as people write it: 5 元, 2.5 元, 0.05 元."""
    whole, rest = divmod(fen, FEN_PER_YUAN)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") + " 元"


def span(minutes: int) -> str:
    """Return a length of time: 30 分钟, 2 小时."""
    hours, rest = divmod(minutes, HOUR_MINUTES)
    return f"{minutes} 分钟" if rest else f"{hours} 小时"


def each(minutes: int) -> str:
    """Return a unit of time: 每小时, 每 30 分钟."""
    return "每小时" if minutes == HOUR_MINUTES else f"每 {span(minutes)}"


def _free(body: Body) -> Iterator[str]:
    free = body.get("free") or {}
    minutes = free.get("minutes", 0)
    if minutes:
        yield f"{span(minutes)}（含）内免费"
        yield from _word(FREE_MODES, free.get("mode", "deduct"))


def _windows(body: Body) -> Iterator[str]:
    windows: Sequence[Body] = body.get("windows") or ()
    for window in windows:
        begins, ends = window.get("from", DAY_BEGINS), window.get("to", DAY_ENDS)
        whole_day = (begins, ends) == (DAY_BEGINS, DAY_ENDS)
        tiers = "，".join(_tiers(window.get("tiers") or ()))
        yield f"{'全天' if whole_day else f'{begins}–{ends}'}：{tiers}"
    if not windows:
        yield "全天免费"
    elif sum(map(_window_minutes, windows)) < DAY_MINUTES:
        yield "其余时间免费"


def _tiers(tiers: Sequence[Body]) -> Iterator[str]:
    reached = 0
    for tier in tiers:
        until, unit = tier.get("until_minutes"), tier["unit_minutes"]
        price = yuan(tier["price_fen"])
        yield f"{_when(reached, until, unit)} {price}"
        reached = until or reached


def _when(reached: int, until: int | None, unit: int) -> str:
    if until is None:
        return f"之后{each(unit)}" if reached else each(unit)
    if until - reached == unit:
        first = f"首{'小时' if until == HOUR_MINUTES else f' {span(until)}'}"
        return f"超过 {span(reached)}至 {span(until)}" if reached else first
    return f"{f'超过 {span(reached)}至' if reached else '前'} {span(until)}内{each(unit)}"


def _window_minutes(window: Body) -> int:
    begins = _clock(window.get("from", DAY_BEGINS))
    ends = _clock(window.get("to", DAY_ENDS))
    return (ends - begins) % DAY_MINUTES or DAY_MINUTES


def _clock(text: str) -> int:
    hour, _, minute = text.partition(":")
    return int(hour) * HOUR_MINUTES + int(minute)


def _rounding(body: Body) -> Iterator[str]:
    if body.get("windows") and body.get("rounding", "up") == "up":
        yield "不足一个计费单位的，按一个计费单位计"


def _tier_clock(body: Body) -> Iterator[str]:
    yield from _word(TIER_CLOCKS, body.get("tier_clock"))


def _restart(body: Body) -> Iterator[str]:
    if body.get("windows"):
        yield from _word(RESTARTS, body.get("restart", "every_24h"))


def _caps(body: Body) -> Iterator[str]:
    caps = body.get("caps") or {}
    for name, words in CAPS.items():
        if caps.get(name) is not None:
            yield f"{words} {yuan(caps[name])}"
    if caps.get("across_visits"):
        yield "24 小时内多次停放累计封顶"


def _night_pack(body: Body) -> Iterator[str]:
    pack = body.get("night_pack")
    if pack:
        most = yuan(pack["price_fen"] * pack["max_units"])
        yield (
            f"夜间 {pack['enter_from']} 后入场且次日 {pack['leave_by']} 前离场："
            f"{each(pack['unit_minutes'])} {yuan(pack['price_fen'])}，最高 {most}"
        )


def _vehicles(body: Body) -> Iterator[str]:
    for name, scale in (body.get("vehicles") or {}).items():
        for field, words in SCALES.items():
            permille = scale.get(field, PERMILLE)
            if permille != PERMILLE:
                yield f"{VEHICLES.get(name, name)}{words}按 {permille / PERMILLE:g} 倍计"


def _exit_grace(body: Body) -> Iterator[str]:
    minutes = body.get("exit_grace_minutes", GRACE_MINUTES)
    if minutes and body.get("windows"):
        yield f"缴费后请在 {minutes} 分钟内离场"


def _price_form(body: Body) -> Iterator[str]:
    yield from _word(PRICE_FORMS, body.get("price_form", "market"))


def _word(table: Mapping[str, str], key: object) -> Iterator[str]:
    if isinstance(key, str) and key in table:
        yield table[key]


PARTS: tuple[Callable[[Body], Iterator[str]], ...] = (
    _free,
    _windows,
    _rounding,
    _tier_clock,
    _caps,
    _restart,
    _night_pack,
    _vehicles,
    _exit_grace,
    _price_form,
)
