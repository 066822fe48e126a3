"""Refusals of reconciliation.

Owns: the codes, statuses and titles of what it declines, and why a file cannot be believed.
Never: renders an answer.
"""

from onepark.kernel.errors import Refusal


class BillUnready(Exception):
    """The provider has not written this file yet: ask again later."""


class BillEmpty(Exception):
    """The provider says that there is nothing to write a file about."""


class BillRefused(Refusal):
    """A file that is not whole, not ours, or does not add up; nothing of it is believed."""

    code = "reconciliation.bill_refused"
    status = 422
    title = "The file cannot be believed."
    title_zh = "账单文件校验不通过"

    def __init__(self, reason: str, detail: str, **facts: object) -> None:
        super().__init__(detail, reason=reason, **facts)
        self.reason = reason


class DayInvalid(Refusal):
    """No such channel or kind of file, or a day that has no file yet."""

    code = "reconciliation.day_invalid"
    status = 422
    title = "There is no file of this channel and day."
    title_zh = "该渠道或日期没有账单"


class QueryInvalid(Refusal):
    """A wrong filter."""

    code = "reconciliation.query_invalid"
    status = 400
    title = "The query is invalid."
    title_zh = "查询条件无效"


class DifferenceUnknown(Refusal):
    """No such difference among those that this person may see."""

    code = "reconciliation.difference_unknown"
    status = 404
    title = "No such difference."
    title_zh = "差异不存在"


class DifferenceClosed(Refusal):
    """A difference ends once."""

    code = "reconciliation.difference_closed"
    status = 409
    title = "The difference is closed."
    title_zh = "差异已处理"


class ResolutionMisplaced(Refusal):
    """Only the books themselves end a difference so."""

    code = "reconciliation.resolution_misplaced"
    status = 422
    title = "People cannot end a difference in this way."
    title_zh = "该处理结果不能由人工填写"
