"""Refusals of contracts, clearing, statements and payouts.

Owns: their codes, statuses and sentences.
Never: decides when one is raised.
"""

from onepark.kernel.errors import Refusal


class TermsInvalid(Refusal):
    """Terms that cannot be computed; the facts name the field."""

    code = "settlement.terms_invalid"
    status = 422
    title = "The terms of the contract do not work out."
    title_zh = "合同条款无效"


class DatesInvalid(Refusal):
    """Dates in the wrong order, or on a day that was cleared already."""

    code = "settlement.dates_invalid"
    status = 422
    title = "These dates cannot be."
    title_zh = "合同日期无效"


class LotUnknown(Refusal):
    """No lot has this code, or it is of another operator than the contract."""

    code = "settlement.lot_unknown"
    status = 404
    title = "No such lot of this operator."
    title_zh = "停车场不存在或不属于该经营单位"


class PartyUnknown(Refusal):
    """No party has this code."""

    code = "settlement.party_unknown"
    status = 404
    title = "No such party."
    title_zh = "合作方不存在"


class OperatorNotNamed(Refusal):
    """The city has to say whose books it means; an operator may only mean its own."""

    code = "settlement.operator_not_named"
    status = 422
    title = "Say whose books are meant."
    title_zh = "请指明经营单位"


class VersionUnknown(Refusal):
    """No version has this number."""

    code = "settlement.version_unknown"
    status = 404
    title = "No such version of a contract."
    title_zh = "合同版本不存在"


class VersionClosed(Refusal):
    """A version that is approved or withdrawn stays as it is."""

    code = "settlement.version_closed"
    status = 409
    title = "This version is no draft any more."
    title_zh = "该合同版本已不是草稿"


class VersionsOverlap(Refusal):
    """Another contract holds for one of the lots at that time."""

    code = "settlement.versions_overlap"
    status = 409
    title = "Another contract holds for a lot at that time."
    title_zh = "同一停车场在该期间已有生效合同"


class SecondPersonNeeded(Refusal):
    """Who drafted does not approve."""

    code = "settlement.second_person_needed"
    status = 403
    title = "A second person must approve."
    title_zh = "须由另一人审批"


class DayNotOver(Refusal):
    """A day is cleared after it has ended."""

    code = "settlement.day_not_over"
    status = 409
    title = "That day is not over."
    title_zh = "该清分日尚未结束"


class StatementUnknown(Refusal):
    """The party has no statement of that cycle."""

    code = "settlement.statement_unknown"
    status = 404
    title = "No such statement."
    title_zh = "结算单不存在"


class BalanceTooSmall(Refusal):
    """Payouts come only from what the books owe a party and nothing else is drafted for."""

    code = "settlement.balance_too_small"
    status = 409
    title = "The party's balance is too small."
    title_zh = "合作方可付余额不足"


class AccountMissing(Refusal):
    """The party has no bank account."""

    code = "settlement.account_missing"
    status = 409
    title = "The party has no bank account on file."
    title_zh = "合作方未登记收款账户"


class PayoutUnknown(Refusal):
    """No payout has this number."""

    code = "settlement.payout_unknown"
    status = 404
    title = "No such payout."
    title_zh = "付款单不存在"


class PayoutStep(Refusal):
    """The payout is not where this step begins."""

    code = "settlement.payout_step"
    status = 409
    title = "The payout is not at this step."
    title_zh = "付款单状态不允许此操作"


class NothingToSend(Refusal):
    """No approved payout of the operator can be sent."""

    code = "settlement.nothing_to_send"
    status = 409
    title = "No approved payout can be sent."
    title_zh = "没有可发送的已审批付款单"


class FileUnknown(Refusal):
    """No payout file has this number."""

    code = "settlement.file_unknown"
    status = 404
    title = "No such payout file."
    title_zh = "付款文件不存在"


class DriverUnknown(Refusal):
    """No such way to pay out."""

    code = "settlement.driver_unknown"
    status = 404
    title = "No such payout driver."
    title_zh = "付款方式不存在"


class TaskUnknown(Refusal):
    """No task that waits has this number."""

    code = "settlement.task_unknown"
    status = 404
    title = "No such task."
    title_zh = "待办不存在"
