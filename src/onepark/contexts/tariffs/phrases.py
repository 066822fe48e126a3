"""The words of which a plan's sentences are made.

Owns: what each word of the plan language is in Chinese; how amounts, lengths and days are said.
Never: knows where in a plan a word stands.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

Body: TypeAlias = Mapping[str, Any]
Amount: TypeAlias = int | Mapping[str, int]  # for all classes, or for each

FEN_PER_YUAN, PERMILLE, PERMILLE_PER_PERCENT = 100, 1_000, 10
HOUR_MINUTES = 60

PRICE_FORMS = {
    "government_fixed": "政府定价",
    "government_guided": "政府指导价",
    "market": "市场调节价",
}
FREE_MODES = {
    "deduct": "超过免费时长的，扣除免费时长后计费",
    "absorb": "超过免费时长的，免费时长一并计费",
}
FREE_FOR = {
    "electric_minutes": "新能源汽车",
    "disabled_minutes": "残疾人驾驶的车辆",
}
GRANTS = {
    "day": "免费时长每日零时起重新享受",
    "window": "免费时长每进入一个收费时段重新享受",
    "24h": "免费时长自入场起每满 24 小时重新享受",
}
QUOTA_PER = {"24h": " 24 小时内", "day": "每自然日"}
DAYS = {
    "workday": "工作日",
    "makeup_workday": "调休上班日",
    "weekend": "周末",
    "short_holiday": "小长假",
    "golden_week": "国庆假期",
    "spring_festival": "春节假期",
    "holiday": "节假日",
    "non_workday": "周末及节假日",
}
BOUNDARIES = {
    "split": "跨时段停放的，在时段分界处分段计费",
    "unit_start": "跨时段的计费单位，按其开始时所在时段计费",
}
TIER_CLOCKS = {"window": "各时段分别累计计费时长"}
RESTARTS = {
    "never": "同一次停放连续累计计费时长",
    "every_24h": "连续停放每满 24 小时，重新计费",
    "every_day": "每日零时起重新计费",
}
CAPS = {
    "natural_day_fen": ("每自然日最高", "个自然日"),
    "rolling_24h_fen": ("24 小时最高", "个 24 小时"),
}
ACROSS_VISITS = {
    "natural_day_fen": "同一自然日内多次停放累计封顶",
    "rolling_24h_fen": "24 小时内多次停放累计封顶",
}
VEHICLES = {
    "small": "小型车",
    "medium": "中型车",
    "large": "大型车",
    "motorcycle": "摩托车",
    "oversize": "超长车",
    "tricycle": "三轮车",
}
SCALES = {"price_permille": "价格", "cap_permille": "最高收费"}
TRAITS = {
    "electric": "新能源汽车",
    "disabled": "残疾人驾驶的车辆",
    "resident": "居民车辆",
    "citizen_card": "持市民卡的车辆",
    "military": "军车",
    "police": "警车",
    "fire": "消防车",
    "ambulance": "救护车",
    "rescue": "抢险救援车",
    "sanitation": "环卫车",
    "municipal": "市政维修车",
    "hearse": "殡葬车",
}
ROUNDING_MODES = {"down": "向下取整", "half_up": "四舍五入", "up": "向上取整"}


def word(table: Mapping[str, str], key: object) -> str:
    """Return the Chinese of a word, or the word itself where there is none."""
    return table.get(str(key), str(key))


def listed(table: Mapping[str, str], keys: Iterable[str]) -> str:
    """Return several words in a row."""
    return "、".join(word(table, key) for key in keys)


def yuan(fen: int) -> str:
    """Return an amount as people write it: 5 元, 2.5 元, 0.05 元."""
    whole, rest = divmod(fen, FEN_PER_YUAN)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") + " 元"


def price(amount: Amount, times: int = 1) -> str:
    """Return an amount, with a blank before it, or those of the classes that have one."""
    if isinstance(amount, int):
        return f" {yuan(amount * times)}"
    each_class = (f"{word(VEHICLES, name)} {yuan(fen * times)}" for name, fen in amount.items())
    return "、".join(each_class)


def span(minutes: int) -> str:
    """Return a length of time: 30 分钟, 2 小时."""
    hours, rest = divmod(minutes, HOUR_MINUTES)
    return f"{minutes} 分钟" if rest else f"{hours} 小时"


def each(minutes: int) -> str:
    """Return a unit of time: 每小时, 每 30 分钟."""
    return "每小时" if minutes == HOUR_MINUTES else f"每 {span(minutes)}"


def times(permille: int) -> str:
    """Return a multiplier: 2 倍, 0.5 倍."""
    return f"{permille / PERMILLE:g} 倍"


def percent(permille: int) -> str:
    """Return a share: 50%, 33.3%."""
    return f"{permille / PERMILLE_PER_PERCENT:g}%"


def season(first: str, last: str) -> str:
    """Return a part of the year: 5 月 1 日至 10 月 31 日."""
    return f"{_month_day(first)}至 {_month_day(last)}"


def _month_day(text: str) -> str:
    month, _, day = text.partition("-")
    return f"{int(month)} 月 {int(day)} 日"
