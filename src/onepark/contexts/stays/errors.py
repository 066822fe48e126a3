"""Refusals of stays.

Owns: the codes, statuses and titles of what it declines.
Never: renders an answer.
"""

from typing import ClassVar

from onepark.infra.db import Again
from onepark.kernel.errors import Refusal


class OrderUnknown(Refusal):
    """No order has this number."""

    code = "stays.order_unknown"
    status = 404
    title = "No such order."
    title_zh = "订单不存在"


class NothingDue(Refusal):
    """The order owes nothing at this moment."""

    code = "stays.nothing_due"
    status = 409
    title = "Nothing is due."
    title_zh = "当前无应付金额"


class PlateInvalid(Refusal):
    """A plate that nobody can carry."""

    code = "stays.plate_invalid"
    status = 400
    title = "The plate is not valid."
    title_zh = "车牌号无效"


class StoreUnavailable(Refusal):
    """The database does not answer; what was sent may or may not be kept: send it again."""

    code = "stays.store_unavailable"
    status = 503
    title = "The platform cannot keep this now; send it again."
    title_zh = "平台暂时无法写入，请重发"
    retry_after_s: ClassVar[int | None] = 1


class TooManyLookups(Refusal):
    """One address or one plate was asked about too often."""

    code = "stays.too_many_lookups"
    status = 429
    title = "Too many look-ups; try later."
    title_zh = "查询过于频繁，请稍后再试"
    retry_after_s: ClassVar[int | None] = 60


class TariffNotLoaded(Refusal, Again):
    """A stay is priced by a plan that this process has not read yet; it reads every second."""

    code = "stays.tariff_not_loaded"
    status = 503
    title = "The tariff is not loaded yet; try again."
    title_zh = "收费规则尚未加载，请重试"
    retry_after_s: ClassVar[int | None] = 1


class LotUnknown(Refusal):
    """No lot has this code."""

    code = "stays.lot_unknown"
    status = 404
    title = "No such lot."
    title_zh = "停车场不存在"


class MisreadUnknown(Refusal):
    """No misread exit of one's own operator has this number."""

    code = "stays.misread_unknown"
    status = 404
    title = "No such misread exit."
    title_zh = "误识别待办不存在"


class CandidateUnknown(Refusal):
    """The stay that was chosen is none of the candidates."""

    code = "stays.candidate_unknown"
    status = 422
    title = "The stay is none of the candidates."
    title_zh = "所选停车记录不在候选之列"


class CandidateGone(Refusal):
    """The chosen car has left by another exit meanwhile; choose again."""

    code = "stays.candidate_gone"
    status = 409
    title = "The chosen car has left meanwhile."
    title_zh = "所选车辆已离场"


class MisreadDecided(Refusal):
    """It was decided before, and otherwise."""

    code = "stays.misread_decided"
    status = 409
    title = "It has been decided otherwise."
    title_zh = "该待办已有不同的处理结果"


class MisreadOvertaken(Refusal):
    """The entry of the very plate that was read has come meanwhile: nothing was misread."""

    code = "stays.misread_overtaken"
    status = 409
    title = "The exit has found its own entry."
    title_zh = "该出场记录已匹配到自己的入场记录"


class PassageUnknown(Refusal):
    """No passage of this device has this id under this plate, or it is another operator's."""

    code = "stays.passage_unknown"
    status = 404
    title = "There is no such passage."
    title_zh = "过车记录不存在"


class PassageRuled(Refusal):
    """Something was said of the passage before."""

    code = "stays.passage_ruled"
    status = 409
    title = "Somebody has ruled on this passage already."
    title_zh = "该过车记录已处理"


class RulingImpossible(Refusal):
    """What the ruling says cannot have been."""

    code = "stays.ruling_impossible"
    status = 422
    title = "It cannot have been so."
    title_zh = "更正内容不可能成立"


class StayUnknown(Refusal):
    """The lot has no such stay, or it is another operator's."""

    code = "stays.stay_unknown"
    status = 404
    title = "There is no such stay."
    title_zh = "停车记录不存在"


class StayConfirmed(Refusal):
    """Somebody has confirmed the stay before."""

    code = "stays.stay_confirmed"
    status = 409
    title = "Somebody has confirmed this stay already."
    title_zh = "该停车记录已确认"


class PairUnknown(Refusal):
    """No such pair of visits was found, or somebody without the whole city asks."""

    code = "stays.pair_unknown"
    status = 404
    title = "There is no such pair of visits."
    title_zh = "该同车牌双车场记录不存在"


class PairDecided(Refusal):
    """The pair has another verdict already."""

    code = "stays.pair_decided"
    status = 409
    title = "It has been decided otherwise."
    title_zh = "该同车牌双车场记录已有不同的处理结果"


class OddCountUnknown(Refusal):
    """No such count was found to be odd, or it is another operator's."""

    code = "stays.odd_count_unknown"
    status = 404
    title = "There is no such count."
    title_zh = "该异常车位数不存在"


class OddCountConfirmed(Refusal):
    """Somebody has confirmed the count before."""

    code = "stays.odd_count_confirmed"
    status = 409
    title = "Somebody has confirmed this count already."
    title_zh = "该异常车位数已确认"
