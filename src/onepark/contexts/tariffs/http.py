"""Endpoints of tariffs.

Owns: decoding and encoding.
Never: decides.
"""

from typing import Annotated, Any

from litestar import Request, get, post
from litestar.datastructures import CacheControlHeader
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import FromPath, JSONBody, PathParameter

from onepark.contexts.tariffs.checking import CheckAnswer
from onepark.contexts.tariffs.errors import (
    ChecksBusy,
    LotOrPlan,
    LotUnknown,
    NoPlan,
    PlanInvalid,
    SpanInvalid,
    TooManyChecks,
    VersionUnknown,
)
from onepark.contexts.tariffs.language import SCHEMA_PATH, PlanFile, schema
from onepark.contexts.tariffs.model import FiledPlan, LotTariff, QuoteAnswer, QuoteAsked
from onepark.contexts.tariffs.office import Checks
from onepark.contexts.tariffs.ports import LotDirectory
from onepark.contexts.tariffs.service import Tariffs
from onepark.infra.openapi import refusals
from onepark.infra.peers import address_of

TAGS = ["tariffs 计费"]

EXAMPLE: dict[str, Any] = {
    "amount_fen": 700,
    "currency": "CNY",
    "plan_key": "t7_taicang",
    "version": 1,
    "plan_hash": "93f53868e44f07806b02dfc1c3bd8854b4fca08d9dcc997e52d088c550099ad1",
    "quote_hash": "d84e63ce7dd3a1ee7e9bf30a1ec7fcda7317aacde023cec04b8c634dac946e21",
    "entered_at": "2026-11-22T08:00:00+08:00",
    "until_at": "2026-11-22T09:07:00+08:00",
    "vehicle": "small",
    "terms": None,
    "ruled_days": [],
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
    "next_change": {"at": "2026-11-22T09:30:01+08:00", "amount_fen": 900},
}


@post(
    "/v1/tariffs/quote",
    status_code=200,
    tags=TAGS,
    summary="试算停车费 Quote a price",
    description=(
        "按某停车场在入场时刻生效的收费规则，或按请求中给出的规则，计算一段时间的停车费并逐行说明。"
        "lot 与 plan 须且只能提供一项；时间须带时区，不足一秒舍去。"
        "The price of a span of time with its reasons, by the plan that the lot charges by at "
        "`entered_at`, or by a plan given in the request: exactly one of `lot` and `plan`. "
        "Instants carry an offset; parts of a second are dropped. Earlier visits are not looked "
        "up. `plan_hash` and `quote_hash` let anybody compute it again: `onepark quote verify`."
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


Hash = Annotated[
    str,
    PathParameter(
        pattern=r"^[0-9a-f]{64}$(?!\n)",
        description="收费规则的 SHA-256。SHA-256 of the plan's canonical JSON.",
    ),
]

OVERLAPPING: dict[str, Any] = {
    "windows": [
        {
            "name": "日间 day",
            "from": "07:00",
            "to": "21:00",
            "tiers": [{"unit_minutes": 30, "price_fen": 200}],
        },
        {
            "name": "夜间 night",
            "from": "20:00",
            "to": "07:00",
            "tiers": [{"unit_minutes": 60, "price_fen": 100}],
        },
    ]
}
CHECK_EXAMPLE: dict[str, Any] = {
    "good": False,
    "plan_hash": "3bdc6a9945001e44b5d16a82794d70f5fd59871457e01296f80664077906b15a",
    "findings": [
        {
            "severity": "error",
            "rule": "windows_overlap",
            "field": "windows[1].from",
            "sentence": "windows[1].from: begins before another window has ended",
            "sentence_zh": "windows[1].from：时段相互重叠",
            "example": None,
        }
    ],
}
TARIFF_EXAMPLE: dict[str, Any] = {
    "lot": "320281001101",
    "in_force": {
        "plan_key": "office_day",
        "version": 1,
        "name": "办公楼日间",
        "plan_hash": "c938d4879a64e128fb7417046414b3292f74a376c129d49d27394954736359ee",
        "valid_from_at": "2026-01-01T00:00:00Z",
        "valid_until_at": None,
        "text_zh": [
            "全天：每小时 5 元",
            "不足一个计费单位的，按一个计费单位计",
            "每自然日最高 50 元",
            "连续停放每满 24 小时，重新计费",
            "缴费后请在 15 分钟内离场",
            "市场调节价",
        ],
        "body": {
            "price_form": "market",
            "windows": [
                {
                    "name": "全天 all day",
                    "from": "00:00",
                    "to": "24:00",
                    "tiers": [{"unit_minutes": 60, "price_fen": 500}],
                }
            ],
            "caps": {"natural_day_fen": 5000},
        },
    },
    "next": None,
}


@post(
    "/v1/tariffs/check",
    status_code=200,
    tags=TAGS,
    summary="校验收费规则 Check a plan",
    description=(
        "无需登录：请求体即收费规则，返回全部问题；error 不可备案，warning 可备案。不保存任何内容。"
        "No login. The body is a plan; the answer names all that is wrong or odd about it, with "
        "the smallest counter-example where there is one. Nothing is kept."
    ),
    opt={"body": PlanFile, "body_example": OVERLAPPING},
    responses={
        200: ResponseSpec(
            CheckAnswer,
            generate_examples=False,
            description="校验结果 What was found",
            examples=[Example(value=CHECK_EXAMPLE)],
        ),
        **refusals(TooManyChecks, ChecksBusy),
    },
)
async def check_plan(
    request: Request[Any, Any, Any],
    data: JSONBody[dict[str, Any]],
    checks: NamedDependency[Checks],
) -> CheckAnswer:
    """Look a plan through."""
    return await checks.for_anybody(data, address=address_of(request))


@get(
    SCHEMA_PATH,
    media_type="application/schema+json",
    tags=TAGS,
    summary="收费规则的 JSON Schema The JSON Schema of plans",
    description=(
        "收费规则语言的字段、类型与取值范围，供编辑器与其他系统在提交前校验；字段之间的规则见校验接口。"
        "Fields, types and bounds of the plan language, for editors and other systems; rules that "
        "join fields are told by the check."
    ),
    cache_control=CacheControlHeader(max_age=3_600, public=True),
)
async def show_schema() -> dict[str, Any]:
    """Show the language of plans."""
    return schema()


@get(
    "/v1/lots/{lot:str}/tariff",
    tags=TAGS,
    summary="停车场收费规则 The tariff of a lot",
    description=(
        "现行收费规则的全文、中文说明、有效期与哈希，以及下一个规则及其生效时间。"
        "What the lot charges by now, in plain Chinese and as it was filed, with its hash, and "
        "what comes next and when."
    ),
    responses={
        200: ResponseSpec(
            LotTariff,
            generate_examples=False,
            description="现行与下一收费规则 The tariff now and next",
            examples=[Example(value=TARIFF_EXAMPLE)],
        ),
        **refusals(LotUnknown),
    },
)
async def show_lot_tariff(
    lot: FromPath[str],
    tariffs: NamedDependency[Tariffs],
    directory: NamedDependency[LotDirectory],
) -> LotTariff:
    """Show what a lot charges by."""
    return tariffs.lot_tariff(lot, directory)


@get(
    "/v1/tariffs/plans/{plan_hash:str}",
    tags=TAGS,
    summary="按哈希取收费规则 A plan by its hash",
    description=(
        "返回已发布收费规则的全文，供任何人复算账单。"
        "The plan that a quote names, so that anybody can compute the quote again."
    ),
    responses=refusals(VersionUnknown),
)
async def show_filed_plan(plan_hash: Hash, tariffs: NamedDependency[Tariffs]) -> FiledPlan:
    """Show a published plan."""
    return tariffs.filed_plan(plan_hash)


HANDLERS = [quote, check_plan, show_schema, show_lot_tariff, show_filed_plan]
