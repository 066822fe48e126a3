"""Prices a stay unit by unit, from boundary to boundary in exact seconds: slow, plainly right.

Owns: a second, independent reading of docs/tariffs.md.
Never: multiplies one day by another, or shares code with what it checks.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from tests.reference.tariff_benefits import Terms, after_coupons, after_discount

DAY_S = 86_400
CHINA_S = 8 * 3_600
EPOCH = date(1970, 1, 1)
Y2000 = date(2000, 1, 1)

KINDS = ("workday", "makeup_workday", "weekend", "short_holiday", "golden_week", "spring_festival")
HOLIDAYS = {"short_holiday", "golden_week", "spring_festival"}
GROUPS = {
    "workday": {"workday", "makeup_workday"},
    "holiday": HOLIDAYS,
    "non_workday": HOLIDAYS | {"weekend"},
}

Carry = tuple[int, int]
Window = Mapping[str, Any]


def minutes(clock: str) -> int:
    hours, rest = clock.split(":")
    return int(hours) * 60 + int(rest)


def day_of(at_s: int) -> date:
    return EPOCH + timedelta(days=(at_s + CHINA_S) // DAY_S)


def midnight(at_s: int) -> int:
    return at_s - (at_s + CHINA_S) % DAY_S


def second_of_day(at_s: int) -> int:
    return (at_s + CHINA_S) % DAY_S


def price(
    plan: dict[str, Any],
    entered_s: int,
    until_s: int,
    *,
    vehicle: str,
    carry: Carry | None = None,
    terms: Terms | None = None,
    calendar: bytes = b"",
) -> tuple[int, Carry | None]:
    """Return the amount, and what the next visit is told."""
    stay = Stay(plan, (entered_s, until_s), vehicle, terms or Terms(), calendar)
    return stay.price(carry)


class Stay:
    """One stay under one plan."""

    def __init__(
        self,
        plan: dict[str, Any],
        span: tuple[int, int],
        vehicle: str,
        terms: Terms,
        calendar: bytes,
    ) -> None:
        self.plan, self.vehicle, self.terms, self.calendar = plan, vehicle, terms, calendar
        self.entered_s, self.until_s = span
        self.windows: Sequence[Window] = plan.get("zones", {}).get(terms.zone, plan["windows"])
        self.free = plan.get("free", {})
        self.free_s = self._free_s()
        self.restart = plan.get("restart", "every_24h")
        self.caps = plan.get("caps", {})
        self.across = self.caps.get("across_visits", False)
        self.by_day = "natural_day_fen" in self.caps
        self.anchor_s = self.entered_s
        self.carry: Carry | None = None

    def price(self, carry: Carry | None) -> tuple[int, Carry | None]:
        if carry is not None and self._covers(carry):
            self.carry = carry
            if not self.by_day:
                self.anchor_s = carry[0]
        whole_s = self.until_s - self.entered_s
        exempt = self.terms.traits & set(self.plan.get("exempt", ()))
        if exempt or (self._grant() == "stay" and self._is_free(whole_s)):
            return 0, self._carry_on()
        amount_fen, next_carry = self._by_time()
        amount_fen = after_discount(amount_fen, self.plan, self.terms)
        return after_coupons(amount_fen, self.terms), next_carry

    def _carry_on(self) -> Carry | None:
        """A visit that is not billed leaves the carry as it was, while it lasts."""
        lives = self.carry is not None and self.until_s < self.carry[0] + DAY_S
        return self.carry if lives else None

    def _by_time(self) -> tuple[int, Carry | None]:
        disturbed = any(a < self.until_s and self.entered_s < b for a, b, _ in self.terms.overrides)
        if self._in_one_night():
            pack_fen = self._night()
            if not disturbed or pack_fen <= self._walked(None)[0]:
                return pack_fen, None
        return self._walked(None if disturbed else self._crossed())

    # -- time ------------------------------------------------------------------------------------

    def _free_s(self) -> int:
        quota = self.free.get("quota")
        if quota is not None and self.terms.free_visits_used >= quota["visits"]:
            return int(quota.get("then_minutes", 0)) * 60
        given = [self.free.get("minutes", 0)]
        given += [self.free.get(f"{one}_minutes", 0) for one in self.terms.traits]
        return int(max(given)) * 60

    def _grant(self) -> str:
        return str(self.free.get("grant", "stay"))

    def _is_free(self, length_s: int) -> bool:
        exactly = self.free.get("inclusive", True) or self.free_s == 0
        return length_s < self.free_s or (length_s == self.free_s and exactly)

    def _kind(self, day: date) -> str:
        index = (day - Y2000).days
        if 0 <= index < len(self.calendar):
            return KINDS[self.calendar[index]]
        return "workday" if day.weekday() < 5 else "weekend"

    def _is_on(self, window: Window, day: date) -> bool:
        words = window.get("days") or KINDS
        kinds = {kind for word in words for kind in GROUPS.get(word, {word})}
        if self._kind(day) not in kinds:
            return False
        today = f"{day.month:02}-{day.day:02}"
        seasons = window.get("season") or [{"from": "01-01", "to": "12-31"}]
        return any(
            one["from"] <= today <= one["to"]
            if one["from"] <= one["to"]
            else today >= one["from"] or today <= one["to"]
            for one in seasons
        )

    def _window_at(self, at_s: int) -> int | None:
        now_s, day = second_of_day(at_s), day_of(at_s)
        for index, window in enumerate(self.windows):
            first_s, last_s = minutes(window["from"]) * 60, minutes(window["to"]) * 60
            inside = (
                first_s <= now_s < last_s
                if first_s < last_s
                else now_s >= first_s or now_s < last_s
            )
            if inside and self._is_on(window, day):
                return index
        return None

    def _edge_after(self, at_s: int, limit_s: int) -> int:
        """The first second after an instant at which another window, or none, holds."""
        window = self._window_at(at_s)
        ends = [one[end] for one in self.windows for end in ("from", "to")]
        clocks = {0} | {minutes(end) * 60 % DAY_S for end in ends}
        today_s = midnight(at_s)
        while today_s < limit_s:
            for clock_s in sorted(clocks):
                edge_s = today_s + clock_s
                if at_s < edge_s < limit_s and self._window_at(edge_s) != window:
                    return edge_s
            today_s += DAY_S
        return limit_s

    def _cut_after(self, at_s: int) -> int:
        """Where every unit ends, whatever its window."""
        cuts_s = [self.until_s]
        grant = self._grant() if self.free_s else "stay"
        if self.restart == "every_24h" or "rolling_24h_fen" in self.caps or grant == "24h":
            cuts_s.append(at_s + DAY_S - (at_s - self.anchor_s) % DAY_S)
        if self.restart == "every_day" or self.by_day or grant == "day":
            cuts_s.append(midnight(at_s) + DAY_S)
        cuts_s += [edge for one in self.terms.overrides for edge in one[:2] if edge > at_s]
        return min(cuts_s)

    # -- what outranks the walk --------------------------------------------------------------------

    def _in_one_night(self) -> bool:
        pack = self.plan.get("night_pack")
        if pack is None:
            return False
        first_s, last_s = minutes(pack["enter_from"]) * 60, minutes(pack["leave_by"]) * 60
        for begins_s in (
            midnight(self.entered_s) - DAY_S + first_s,
            midnight(self.entered_s) + first_s,
        ):
            ends_s = begins_s + (last_s - first_s) % DAY_S
            if begins_s <= self.entered_s and self.until_s <= ends_s:
                return True
        return False

    def _night(self) -> int:
        pack = self.plan["night_pack"]
        at_s = self._billed_from_s() if pack.get("after_free", True) else self.entered_s
        at_s += self._coupon_s()
        units = 0
        while at_s < self.until_s and units < pack["max_units"]:
            units, at_s = units + 1, at_s + pack["unit_minutes"] * 60
        return units * self._price_fen(pack["price_fen"])

    def _crossed(self) -> int | None:
        crossing = self.plan.get("crossing")
        if crossing is None or self.until_s - self.entered_s > DAY_S:
            return None
        horizon_s = self.until_s + 3 * DAY_S
        edge_s = self._edge_after(self.entered_s, horizon_s)
        window, beyond = self._window_at(self.entered_s), self._window_at(edge_s)
        if window is None or beyond is None or edge_s >= self.until_s:
            return None
        if self._edge_after(edge_s, horizon_s) < self.until_s:
            return None
        parts_s = [self.until_s - edge_s]
        if crossing.get("part", "either") == "either":
            parts_s.append(edge_s - self.entered_s)
        short_s, most_s = min(parts_s), crossing["minutes"] * 60
        is_short = short_s <= most_s if crossing.get("inclusive", True) else short_s < most_s
        return window if is_short else None

    # -- the walk ----------------------------------------------------------------------------------

    def _billed_from_s(self) -> int:
        deducts = self._grant() == "stay" and self.free.get("mode", "deduct") == "deduct"
        return self.entered_s + (self.free_s if deducts else 0)

    def _coupon_s(self) -> int:
        return sum(value * 60 for kind, value in self.terms.coupons if kind == "minutes")

    def _walked(self, only: int | None) -> tuple[int, Carry | None]:
        charged: Counter[int] = Counter()
        at_s, clock_s = self._billed_from_s() + self._coupon_s(), 0
        while at_s < self.until_s:
            if self._begins_anew(at_s, only):
                clock_s = 0
            granted_s = self._granted_until(at_s)
            if granted_s > at_s:
                at_s = min(granted_s, self._cut_after(at_s))
                continue
            cut_s = self._cut_after(at_s)
            index = self._window_at(at_s) if only is None else only
            edge_s = cut_s if only is not None else self._edge_after(at_s, cut_s)
            if index is None:
                at_s = edge_s
                continue
            fen, end_s = self._stretch(self.windows[index], at_s, (edge_s, cut_s), clock_s)
            charged[self._period(at_s)] += fen
            clock_s += end_s - at_s
            at_s = end_s
        return self._capped(charged)

    def _begins_anew(self, at_s: int, only: int | None) -> bool:
        if self.restart == "every_24h" and (at_s - self.anchor_s) % DAY_S == 0:
            return True
        if self.restart == "every_day" and second_of_day(at_s) == 0:
            return True
        if only is not None or self.plan.get("tier_clock", "stay") == "stay":
            return False
        return self._window_at(at_s) != self._window_at(at_s - 1)

    def _granted_until(self, at_s: int) -> int:
        """Where the free minutes end that are given anew each day or each 24 hours."""
        if self._grant() not in {"day", "24h"}:
            return at_s
        by_day = self._grant() == "day"
        begins_s = midnight(at_s) if by_day else at_s - (at_s - self.anchor_s) % DAY_S
        ends_s = min(begins_s + DAY_S, self.until_s)
        begins_s = max(begins_s, self.entered_s)
        return max(at_s, self._free_until(begins_s, ends_s))

    def _free_until(self, begins_s: int, ends_s: int) -> int:
        if self._is_free(ends_s - begins_s):
            return ends_s
        return begins_s + (self.free_s if self.free.get("mode", "deduct") == "deduct" else 0)

    def _stretch(
        self, window: Window, from_s: int, ends_s: tuple[int, int], clock_s: int
    ) -> tuple[int, int]:
        edge_s, cut_s = ends_s
        hard_s = cut_s if self.plan.get("boundary", "split") == "unit_start" else edge_s
        at_s = from_s
        if self._grant() == "window":
            at_s = min(self._free_until(from_s, edge_s), edge_s)
        counts = window.get("counts")
        counted = counts is not None and hard_s - at_s > counts["over_minutes"] * 60
        if counts is not None and counted:
            edge_s = hard_s_counted = at_s + counts["as_minutes"] * 60
        else:
            hard_s_counted = hard_s
        fen, end_s = self._units(window, at_s, (edge_s, hard_s_counted), clock_s)
        end_s = hard_s if counted else end_s
        if "cap_fen" in window:
            fen = min(fen, self._cap_fen(window["cap_fen"]))
        for begins_s, stops_s, permille in self.terms.overrides:
            if begins_s <= from_s < stops_s:
                fen = fen * permille // 1_000
        return fen, end_s

    def _units(
        self, window: Window, from_s: int, ends_s: tuple[int, int], clock_s: int
    ) -> tuple[int, int]:
        """Lay one unit after the other until the edge; the last one may be cut short."""
        edge_s, hard_s = ends_s
        fen, at_s = 0, from_s
        while at_s < edge_s:
            unit_s, price = self._tier(window, clock_s + at_s - from_s)
            end_s = at_s + unit_s
            if end_s <= hard_s or not self._drops(hard_s - at_s):
                fen += price
            at_s = min(end_s, hard_s)
        return fen, at_s

    def _drops(self, part_s: int) -> bool:
        rounding = self.plan.get("rounding", "up")
        if rounding == "tail":
            return part_s <= int(self.plan["tail_minutes"]) * 60
        return str(rounding) == "down"

    def _tier(self, window: Window, elapsed_s: int) -> tuple[int, int]:
        """The length and the price of a unit that begins after so much time."""
        if "steps" not in window:
            for tier in window["tiers"]:
                until = tier.get("until_minutes")
                if until is None or elapsed_s < until * 60:
                    return tier["unit_minutes"] * 60, self._price_fen(tier["price_fen"])
        before_m, before_fen = 0, 0
        for step in window["steps"]:
            total_fen = self._price_fen(step["total_fen"])
            unit_s = (step["until_minutes"] - before_m) * 60
            if elapsed_s < step["until_minutes"] * 60 or step is window["steps"][-1]:
                return unit_s, total_fen - before_fen
            before_m, before_fen = step["until_minutes"], total_fen
        raise AssertionError("the last step holds for ever")

    # -- money -------------------------------------------------------------------------------------

    def _amount(self, amount: Any, permille: str) -> int:
        if isinstance(amount, dict):
            own = amount.get(self.vehicle)
            if own is not None:
                return int(own)
            amount = amount["small"]
        scale = self.plan.get("vehicles", {}).get(self.vehicle, {}).get(permille, 1_000)
        assert amount * scale % 1_000 == 0
        return int(amount * scale // 1_000)

    def _price_fen(self, amount: Any) -> int:
        return self._amount(amount, "price_permille")

    def _cap_fen(self, amount: Any) -> int:
        return self._amount(amount, "cap_permille")

    def _period(self, at_s: int) -> int:
        if self.by_day:
            return (day_of(at_s) - day_of(self.entered_s)).days
        return (at_s - self.anchor_s) // DAY_S

    def _covers(self, carry: Carry) -> bool:
        if not self.across:
            return False
        if self.by_day:
            return carry[0] == midnight(self.entered_s)
        return carry[0] <= self.entered_s < carry[0] + DAY_S

    def _capped(self, charged: Counter[int]) -> tuple[int, Carry | None]:
        caps = self.caps.get("natural_day_fen", self.caps.get("rolling_24h_fen"))
        used = Counter({0: self.carry[1]} if self.carry else {})
        if caps is not None:
            listed = caps if isinstance(caps, list) else [caps]
            most = {p: self._cap_fen(listed[min(p, len(listed) - 1)]) for p in charged}
            charged = Counter({p: min(f, max(0, most[p] - used[p])) for p, f in charged.items()})
        amount_fen = sum(charged.values())
        last = self._period(self.until_s - 1)
        used_fen = charged[last] + used[last]
        if self.until_s <= self._billed_from_s() + self._coupon_s():
            return amount_fen, self._carry_on()
        if not self.across or used_fen == 0:
            return amount_fen, None
        begins_s = midnight(self.until_s - 1) if self.by_day else self.anchor_s + last * DAY_S
        return amount_fen, (begins_s, used_fen)
