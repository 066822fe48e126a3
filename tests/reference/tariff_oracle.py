"""Prices a stay unit by unit, looking for the next edge minute by minute: slow, and plainly right.

Owns: a second, independent reading of docs/tariffs.md.
Never: multiplies one day by another, or shares code with what it checks.
"""

from collections import Counter
from typing import Any

DAY_S = 86_400
CHINA_S = 8 * 3_600

Carry = tuple[int, int]


def minute_of_day(at_s: int) -> int:
    return (at_s + CHINA_S) // 60 % 1_440


def minutes(clock: str) -> int:
    hours, rest = clock.split(":")
    return int(hours) * 60 + int(rest)


def price(
    plan: dict[str, Any], entered_s: int, until_s: int, *, vehicle: str, carry: Carry | None = None
) -> tuple[int, Carry | None]:
    """Return the amount, and what the next visit is told."""
    return Stay(plan, entered_s, until_s, vehicle, carry).price()


class Stay:
    """One stay under one plan."""

    def __init__(
        self, plan: dict[str, Any], entered_s: int, until_s: int, vehicle: str, carry: Carry | None
    ) -> None:
        self.plan = plan
        self.entered_s = entered_s
        self.until_s = until_s
        free = plan.get("free", {})
        self.free_s = free.get("minutes", 0) * 60
        self.deducts = free.get("mode", "deduct") == "deduct"
        self.restart = plan.get("restart", "every_24h")
        self.caps = plan.get("caps", {})
        scale = plan.get("vehicles", {}).get(vehicle, {})
        self.price_permille = scale.get("price_permille", 1_000)
        self.cap_permille = scale.get("cap_permille", 1_000)
        self.across = self.caps.get("across_visits", False)
        covers = carry is not None and carry[0] <= entered_s < carry[0] + DAY_S
        self.carry = carry if self.across and covers else None
        self.anchor_s = self.carry[0] if self.carry else entered_s
        self.cuts_day = "natural_day_fen" in self.caps or self.restart == "every_day"
        self.cuts_24h = "rolling_24h_fen" in self.caps or self.restart == "every_24h"
        self.edges = self._edges()

    def price(self) -> tuple[int, Carry | None]:
        if self.until_s - self.entered_s <= self.free_s:
            lives = self.carry is not None and self.until_s < self.carry[0] + DAY_S
            return 0, self.carry if lives else None
        if self._in_one_night():
            return self._night(), None
        return self._capped(self._units())

    def _edges(self) -> set[int]:
        """Minutes of the day at which a unit ends, whatever its length."""
        edges = {0} if self.cuts_day else set()
        for window in self.plan["windows"]:
            if minutes(window["to"]) - minutes(window["from"]) != 1_440:
                edges |= {minutes(window["from"]), minutes(window["to"]) % 1_440}
        return edges

    def _window_at(self, at_s: int) -> dict[str, Any] | None:
        now = minute_of_day(at_s)
        for window in self.plan["windows"]:
            first, last = minutes(window["from"]), minutes(window["to"])
            inside = first <= now < last if first < last else now >= first or now < last
            if inside:
                return dict(window)
        return None

    def _next_cut_s(self, at_s: int, within_s: int) -> int:
        """The first edge after an instant, or the end of the time looked at."""
        end_s = min(at_s + within_s, self.until_s)
        if self.cuts_24h:
            end_s = min(end_s, at_s + DAY_S - (at_s - self.anchor_s) % DAY_S)
        minute_s = at_s - at_s % 60 + 60
        while minute_s < end_s:
            if minute_of_day(minute_s) in self.edges:
                return minute_s
            minute_s += 60
        return end_s

    def _billed_from_s(self) -> int:
        return self.entered_s + (self.free_s if self.deducts else 0)

    def _units(self) -> Counter[int]:
        """What every period is charged before its cap."""
        charged: Counter[int] = Counter()
        at_s, elapsed_s = self._billed_from_s(), 0
        while at_s < self.until_s:
            window = self._window_at(at_s)
            if self._begins_anew(at_s, window):
                elapsed_s = 0
            if window is None:
                at_s = self._next_cut_s(at_s, DAY_S)
                continue
            tier = next(
                tier
                for tier in window["tiers"]
                if tier.get("until_minutes") is None or elapsed_s < tier["until_minutes"] * 60
            )
            charged[self._period(at_s)] += self._scaled(tier["price_fen"], self.price_permille)
            end_s = self._next_cut_s(at_s, tier["unit_minutes"] * 60)
            elapsed_s += end_s - at_s
            at_s = end_s
        return charged

    def _begins_anew(self, at_s: int, window: dict[str, Any] | None) -> bool:
        on_minute = at_s % 60 == 0
        if self.restart == "every_24h" and (at_s - self.anchor_s) % DAY_S == 0:
            return True
        if self.restart == "every_day" and on_minute and minute_of_day(at_s) == 0:
            return True
        if window is None or self.plan.get("tier_clock", "stay") == "stay":
            return False
        from_minute = minutes(window["from"])
        whole = minutes(window["to"]) - from_minute == 1_440
        return on_minute and minute_of_day(at_s) == from_minute and not whole

    def _period(self, at_s: int) -> int:
        if "natural_day_fen" in self.caps:
            return (at_s + CHINA_S) // DAY_S
        return (at_s - self.anchor_s) // DAY_S

    def _scaled(self, fen: int, permille: int) -> int:
        assert fen * permille % 1_000 == 0
        return fen * permille // 1_000

    def _capped(self, charged: Counter[int]) -> tuple[int, Carry | None]:
        cap = self.caps.get("natural_day_fen", self.caps.get("rolling_24h_fen"))
        used = Counter({0: self.carry[1]} if self.carry else {})
        if cap is not None:
            cap_fen = self._scaled(cap, self.cap_permille)
            charged = Counter(
                {p: min(fen, max(0, cap_fen - used[p])) for p, fen in charged.items()}
            )
        amount_fen = sum(charged.values())
        last = self._period(self.until_s - 1)
        used_fen = charged[last] + used[last]
        if not self.across or used_fen == 0:
            return amount_fen, None
        return amount_fen, (self.anchor_s + last * DAY_S, used_fen)

    def _in_one_night(self) -> bool:
        pack = self.plan.get("night_pack")
        if pack is None:
            return False
        today_s = self.entered_s - (self.entered_s + CHINA_S) % DAY_S
        first, last = minutes(pack["enter_from"]) * 60, minutes(pack["leave_by"]) * 60
        for begins_s in (today_s - DAY_S + first, today_s + first):
            ends_s = begins_s + (last - first) % DAY_S
            if begins_s <= self.entered_s and self.until_s <= ends_s:
                return True
        return False

    def _night(self) -> int:
        pack = self.plan["night_pack"]
        at_s = self._billed_from_s() if pack.get("after_free", True) else self.entered_s
        units = 0
        while at_s < self.until_s and units < pack["max_units"]:
            units, at_s = units + 1, at_s + pack["unit_minutes"] * 60
        return units * self._scaled(pack["price_fen"], self.price_permille)
