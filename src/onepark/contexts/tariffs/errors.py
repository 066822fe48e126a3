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


class DraftUnknown(Refusal):
    """No draft of this number that the asker may see."""

    code = "tariffs.draft_unknown"
    status = 404
    title = "No such draft."
    title_zh = "收费规则草稿不存在"


class DraftClosed(Refusal):
    """The draft is published or withdrawn already; the facts name its state."""

    code = "tariffs.draft_closed"
    status = 409
    title = "The draft is published or withdrawn, so this step is over."
    title_zh = "草稿已发布或已撤回, 不能执行此操作"


class DraftNotChecked(Refusal):
    """Only what was checked without an error is published."""

    code = "tariffs.draft_not_checked"
    status = 409
    title = "The draft has not been checked, or its check found errors."
    title_zh = "草稿未经校验或校验未通过"


class SecondPersonNeeded(Refusal):
    """Whoever drafted a tariff does not publish it."""

    code = "tariffs.second_person_needed"
    status = 403
    title = "A second person publishes what somebody has drafted."
    title_zh = "须由起草人以外的人员发布"


class CityDecides(Refusal):
    """Prices that the government fixes or guides are put in force by the city."""

    code = "tariffs.city_decides"
    status = 403
    title = "Prices that the government fixes or guides are put in force by the city."
    title_zh = "政府定价与政府指导价须由市级人员发布或启用"


class DateInvalid(Refusal):
    """A tariff begins now or later, and before the year 2100 ends."""

    code = "tariffs.date_invalid"
    status = 422
    title = "A tariff begins now or later."
    title_zh = "生效时间须为当前或以后"


class AlreadyBegun(Refusal):
    """A version that has begun is never taken back."""

    code = "tariffs.already_begun"
    status = 409
    title = "The version is in force or was, and never changes."
    title_zh = "该版本已生效, 不可撤回"


class StillAssigned(Refusal):
    """Lots are to charge by the version, and by nothing else if it is taken back."""

    code = "tariffs.still_assigned"
    status = 409
    title = "Lots would charge by no plan without this version; assign them another one first."
    title_zh = "撤回后将有停车场无收费规则可用, 请先为其启用其他规则"


class VersionUnknown(Refusal):
    """No version of this number that the asker may see, or none with this hash."""

    code = "tariffs.version_unknown"
    status = 404
    title = "No such version of a plan."
    title_zh = "收费规则版本不存在"


class OperatorNotNamed(Refusal):
    """The city names whose plan it is; an operator files its own only."""

    code = "tariffs.operator_not_named"
    status = 422
    title = "Name an operator that exists; an operator's staff only their own."
    title_zh = "须指明存在的经营单位, 经营单位人员仅限本单位"


class TooManyChecks(Refusal):
    """Checking a plan is work, so an address may ask for so much of it a minute."""

    code = "tariffs.too_many_checks"
    status = 429
    title = "Too many plans were checked from this address."
    title_zh = "校验请求过于频繁，请稍后再试"
    retry_after_s = 60


class ChecksBusy(Refusal):
    """As many plans as may wait are waiting."""

    code = "tariffs.checks_busy"
    status = 503
    title = "Too many plans are being checked right now."
    title_zh = "校验繁忙，请稍后再试"
    retry_after_s = 2
