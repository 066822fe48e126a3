"""Endpoints of tariffs.

Owns: decoding and encoding.
Never: decides.
"""

from typing import Any

from litestar import post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import JSONBody

from onepark.contexts.tariffs.errors import LotOrPlan, LotUnknown, NoPlan, PlanInvalid, SpanInvalid
from onepark.contexts.tariffs.model import QuoteAnswer, QuoteAsked
from onepark.contexts.tariffs.ports import LotDirectory
from onepark.contexts.tariffs.service import Tariffs
from onepark.infra.openapi import refusals

EXAMPLE: dict[str, Any] = {
    "amount_fen": 700,
    "currency": "CNY",
    "plan_key": "t7_taicang",
    "version": 1,
    "entered_at": "2026-11-22T08:00:00+08:00",
    "until_at": "2026-11-22T09:07:00+08:00",
    "lines": [
        {
            "rule": "tier",
            "window": "日间 day",
            "from_at": "2026-11-22T08:00:00+08:00",
            "until_at": "2026-11-22T09:00:00+08:00",
            "units": 1,
            "unit_price_fen": 500,
            "amount_fen": 500,
        },
        {
            "rule": "tier",
            "window": "日间 day",
            "from_at": "2026-11-22T09:00:00+08:00",
            "until_at": "2026-11-22T09:07:00+08:00",
            "units": 1,
            "unit_price_fen": 200,
            "amount_fen": 200,
        },
    ],
}


@post(
    "/v1/tariffs/quote",
    status_code=200,
    tags=["tariffs 计费"],
    summary="试算停车费 Quote a price",
    description=(
        "按某停车场在入场时刻生效的收费规则，或按请求中给出的规则，计算一段时间的停车费并逐行说明。"
        "lot 与 plan 须且只能提供一项；时间须带时区，不足一秒舍去。"
        "The price of a span of time with its reasons, by the plan that the lot charges by at "
        "`entered_at`, or by a plan given in the request: exactly one of `lot` and `plan`. "
        "Instants carry an offset; parts of a second are dropped. Earlier visits are not looked up."
    ),
    responses={
        200: ResponseSpec(
            QuoteAnswer,
            generate_examples=False,
            description="应收金额与明细 The amount and its lines",
            examples=[Example(value=EXAMPLE)],
        ),
        **refusals(PlanInvalid, SpanInvalid, LotOrPlan, LotUnknown, NoPlan),
    },
)
async def quote(
    data: JSONBody[QuoteAsked],
    tariffs: NamedDependency[Tariffs],
    directory: NamedDependency[LotDirectory],
) -> QuoteAnswer:
    """Tell what a span would cost."""
    return tariffs.quote(data, directory)


HANDLERS = [quote]
