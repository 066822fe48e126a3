"""Refusals of pricing and of filing plans.

Owns: their codes, statuses and sentences.
Never: decides when one is raised.
"""

from onepark.kernel.errors import Refusal


class PlanInvalid(Refusal):
    """A plan that breaks a rule of the plan language; the facts name its field and the rule."""

    code = "tariffs.plan_invalid"
    status = 422
    title = "The plan breaks a rule of the plan language."
    title_zh = "收费规则不符合规范"


class FilingInvalid(Refusal):
    """A filing whose key, name or dates cannot be kept; the facts name the rule."""

    code = "tariffs.filing_invalid"
    status = 422
    title = "The filing cannot be kept."
    title_zh = "备案信息不符合规范"


class SpanInvalid(Refusal):
    """A span that ends before it begins, or leaves the years 2000 to 2100."""

    code = "tariffs.span_invalid"
    status = 422
    title = "This span of time cannot be priced."
    title_zh = "停车时段无效, 无法计费"


class LotOrPlan(Refusal):
    """A quote needs one thing to price by, and only one."""

    code = "tariffs.lot_or_plan"
    status = 422
    title = "Give exactly one of lot and plan."
    title_zh = "停车场与收费规则须且只能提供一项"


class LotUnknown(Refusal):
    """No lot has this code."""

    code = "tariffs.lot_unknown"
    status = 404
    title = "No such lot."
    title_zh = "停车场不存在"


class NoPlan(Refusal):
    """The lot charges by no plan at that moment."""

    code = "tariffs.no_plan"
    status = 404
    title = "No plan is in force there at that time."
    title_zh = "该停车场在该时刻没有生效的收费规则"


class VersionsOverlap(Refusal):
    """Two versions of one plan, or two plans of one lot, would be in force at once."""

    code = "tariffs.versions_overlap"
    status = 409
    title = "Something else is in force in that time."
    title_zh = "与已生效的收费规则时间重叠"


class PlanUnknown(Refusal):
    """A lot cannot be assigned a plan that its operator has not filed."""

    code = "tariffs.plan_unknown"
    status = 404
    title = "The operator has filed no plan under this key."
    title_zh = "该运营单位没有此编号的收费规则"
