"""Refusals of vacancies, live and past.

Owns: their codes and sentences.
Never: is caught by what raised it.
"""

from typing import ClassVar

from onepark.kernel.errors import Refusal


class LotUnknown(Refusal):
    """The city's archive has no such lot."""

    code = "vacancies.lot_unknown"
    status = 404
    title = "No such lot."
    title_zh = "停车场不存在"


class QueryInvalid(Refusal):
    """A position, radius, limit or list of lots that means nothing; ``field`` says which."""

    code = "vacancies.query_invalid"
    status = 400
    title = "The query is not valid."
    title_zh = "查询参数不正确"


class StreamFull(Refusal):
    """As many subscribers as this process serves are listening already."""

    code = "vacancies.stream_full"
    status = 503
    title = "Too many are listening to the stream."
    title_zh = "实时订阅人数已满，请稍后再试"
    retry_after_s: ClassVar[int | None] = 5


class HistoryTooLarge(Refusal):
    """More visits or snapshots meet the span than one answer looks at."""

    code = "vacancies.history_too_large"
    status = 422
    title = "The span holds more than one answer looks at."
    title_zh = "该时段数据过多，请缩短查询时段"


class HistoryBusy(Refusal):
    """As many questions about the past wait as this process lets wait."""

    code = "vacancies.history_busy"
    status = 503
    title = "Too many ask about the past."
    title_zh = "历史查询繁忙，请稍后再试"
    retry_after_s: ClassVar[int | None] = 2
