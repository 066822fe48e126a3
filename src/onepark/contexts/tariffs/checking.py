"""Whether a plan is fit to be filed, and if not, why.

Owns: the one way in to every check of a plan, and what a finding says.
Never: prices a stay, files a plan, or stops at a plan that cannot be read.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct

from onepark.contexts.calendar.rules import published_until
from onepark.contexts.tariffs.errors import PlanInvalid
from onepark.contexts.tariffs.rules import compile_plan
from onepark.kernel.types import CHINA, Fen

WHOLE_PLAN = "."
BODY_BYTES_MAX = 65_536
DEPTH_MAX = 32  # of a body's objects and lists in one another

RULES_ZH = {
    "json": "内容不是有效的 JSON",
    "shape": "字段未知、缺失或类型不符",
    "range": "数值超出允许范围",
    "count": "条目数量超出允许范围",
    "text": "文字为空、过长或含控制字符",
    "size": "规则过大",
    "time_of_day": "时间须为 HH:MM",
    "window_empty": "时段的起止时间相同",
    "windows_overlap": "时段相互重叠",
    "tier_open_end": "只有最后一档可以且必须不设上限",
    "tier_order": "各档上限须递增",
    "tier_whole_units": "每档时长须为计费单位的整数倍",
    "tier_reach": "连续停放 31 天内须能到达每一档",
    "whole_fen": "按车型倍数计算后须为整分",
    "month_day": "日期须为 MM-DD",
    "days_many": "日期类别组合过多",
    "days_apart": "按日期类别收费时，各类日期之间须有共同的起算点",
    "tiers_or_steps": "须填写分档单价或累计总价之一",
    "step_falls": "累计总价不得下降",
    "steps_day": "累计总价须覆盖 24 小时并按日或每 24 小时重新计算",
    "counts_split": "按时段折算须以时段边界截断计费单位",
    "unit_start_restart": "跨时段单位须按日或每 24 小时重新计算",
    "crossing_visits": "跨时段一次收费不能与多次停放累计封顶同时使用",
    "tail": "尾数分钟须与 tail 取整方式同时使用",
    "cap_one": "自然日封顶与 24 小时封顶只能设一个",
    "cap_across_visits": "多次停放累计封顶须配 24 小时封顶",
    "night_pack_cap": "夜间包价不得高于封顶金额",
    "night_pack_visits": "夜间包价不能与多次停放累计封顶同时使用",
}
Example = tuple[str, int, int, int, int, int]

OTHER_RULE_ZH = "不符合收费规则规范"


class Severity(StrEnum):
    """Whether a plan may be published in spite of it."""

    ERROR = "error"
    WARNING = "warning"


class FindingExample(Struct, frozen=True):
    """The smallest stay that shows it: until one moment, and until a later one.

    Where a cap is broken, the later amount is what the cap allows.
    """

    vehicle: str
    entered_at: datetime
    until_at: datetime
    amount_fen: Fen
    later_until_at: datetime
    later_amount_fen: Fen


class Finding(Struct, frozen=True):
    """One thing that is wrong or odd about a plan; ``field`` is its path, ``.`` the whole."""

    severity: Severity
    rule: str
    field: str
    sentence: str
    sentence_zh: str
    example: FindingExample | None = None


class CheckAnswer(Struct, frozen=True):
    """What a check found; a plan without an error may be filed."""

    good: bool
    plan_hash: str
    findings: tuple[Finding, ...]


def check(text: str) -> list[Finding]:
    """Return what is wrong or odd about a plan that is given as JSON text.

    The dates that are tried are those of the last year whose holidays are published.
    """
    try:
        plan = compile_plan(text)
    except PlanInvalid as refused:
        return [_refused(refused)]
    return [_found(found) for found in plan.audit(_year_s())]


def check_body(body: Mapping[str, Any]) -> list[Finding]:
    """Return what is wrong or odd about a plan that was decoded already."""
    try:
        return check(json.dumps(body, ensure_ascii=False))
    except RecursionError:
        sentence = "The plan is nested too deeply."
        return [Finding(Severity.ERROR, "json", WHOLE_PLAN, sentence, "嵌套过深")]


def is_good(findings: Sequence[Finding]) -> bool:
    """Tell whether a plan with these findings may be filed."""
    return all(finding.severity != Severity.ERROR for finding in findings)


def _refused(refused: PlanInvalid) -> Finding:
    rule, field = str(refused.facts["rule"]), str(refused.facts["field"])
    return Finding(
        severity=Severity.ERROR,
        rule=rule,
        field=field,
        sentence=refused.detail,
        sentence_zh=f"{field}：{RULES_ZH.get(rule, OTHER_RULE_ZH)}",
    )


def _year_s() -> int:
    year = published_until().year
    return int(datetime(year, 1, 1, tzinfo=CHINA).timestamp())


def _found(found: tuple[bool, str, str, str, str, Example | None]) -> Finding:
    is_error, rule, field, sentence, sentence_zh, example = found
    severity = Severity.ERROR if is_error else Severity.WARNING
    shown = None if example is None else _shown(example)
    return Finding(severity, rule, field, sentence, sentence_zh, shown)


def _shown(example: Example) -> FindingExample:
    vehicle, entered_s, until_s, amount_fen, later_s, later_amount_fen = example
    entered_at, until_at, later_at = (
        datetime.fromtimestamp(at_s, CHINA) for at_s in (entered_s, until_s, later_s)
    )
    return FindingExample(
        vehicle=vehicle,
        entered_at=entered_at,
        until_at=until_at,
        amount_fen=Fen(amount_fen),
        later_until_at=later_at,
        later_amount_fen=Fen(later_amount_fen),
    )


def body_text(body: Mapping[str, Any]) -> str:
    """Return a draft's body as it is kept for ever; refuse one that no database could keep."""
    if _is_deeper(body, DEPTH_MAX):
        raise PlanInvalid("The plan is nested too deeply.", field=".", rule="json")
    text = json.dumps(body, ensure_ascii=False)
    if len(text.encode()) > BODY_BYTES_MAX:
        raise PlanInvalid(
            f"The plan is longer than {BODY_BYTES_MAX} bytes.", field=".", rule="size"
        )
    if "\\u0000" in text:
        raise PlanInvalid("The plan holds a NUL character.", field=".", rule="text")
    return text


def _is_deeper(value: object, depth: int) -> bool:
    """Tell whether objects and lists lie in one another more than so many times."""
    layer: list[object] = [value]
    for _ in range(depth + 1):
        layer = [inner for one in layer for inner in _inside(one)]
    return bool(layer)


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()
