"""Endpoints of filing, for staff.

Owns: decoding and encoding.
Never: decides.
"""

from typing import Annotated, Any

from litestar import get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import JSONBody, PathParameter, QueryParameter

from onepark.contexts.tariffs.errors import (
    AlreadyBegun,
    ChecksBusy,
    CityDecides,
    DateInvalid,
    DraftClosed,
    DraftNotChecked,
    DraftUnknown,
    LotUnknown,
    NoPlan,
    OperatorNotNamed,
    PlanInvalid,
    SecondPersonNeeded,
    StillAssigned,
    VersionsOverlap,
    VersionUnknown,
)
from onepark.contexts.tariffs.filing import (
    Assigned,
    Draft,
    DraftPage,
    DraftState,
    FiledVersion,
    NewAssignment,
    NewDraft,
    Publication,
    VersionPage,
)
from onepark.contexts.tariffs.office import TariffOffice
from onepark.contexts.tariffs.ports import LotDirectory
from onepark.infra.openapi import refusals
from onepark.kernel.staff import Permission, Principal

PAGE_MAX = 200
NUMBER_MAX = 2**53 - 1
TAGS = ["filing 收费备案"]
STAFF = [{"staff": list[str]()}]
READ = {"permission": Permission.READ_TARIFFS}
DRAFT = {"permission": Permission.DRAFT_TARIFF}
PUBLISH = {"permission": Permission.PUBLISH_TARIFF}

Number = Annotated[int, PathParameter(ge=1, le=NUMBER_MAX, description="编号。Its number.")]
Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_MAX, description="每页条数。Rows a page.")]
Before = Annotated[
    int | None,
    QueryParameter(
        ge=1,
        le=NUMBER_MAX,
        description="上一页的 next_before。The next_before of the page before.",
    ),
]
Key = Annotated[
    str | None,
    QueryParameter(
        pattern=r"^[a-z0-9_]{1,64}$(?!\n)", description="收费规则编号。Key of the plan."
    ),
]
State = Annotated[
    DraftState | None, QueryParameter(description="草稿状态。Only drafts in this state.")
]

EXAMPLE: dict[str, Any] = {
    "draft_id": 12,
    "operator_id": 1,
    "plan_key": "office_day",
    "name": "办公楼日间",
    "state": "published",
    "author": "li.ming",
    "drafted_at": "2026-11-20T01:00:00Z",
    "checker": "li.ming",
    "checked_at": "2026-11-20T01:01:00Z",
    "findings": [],
    "publisher": "wang.fang",
    "published_at": "2026-11-21T02:00:00Z",
    "plan_id": 31,
    "withdrawer": None,
    "withdrawn_at": None,
    "plan_hash": "c938d4879a64e128fb7417046414b3292f74a376c129d49d27394954736359ee",
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
}

ASSIGNMENT = {
    "plan_key": "office_day",
    "lots": ["320281001101", "320281001102"],
    "valid_from_at": "2026-12-01T00:00:00+08:00",
}


def shown(description: str) -> ResponseSpec:
    """Return how an answer with a whole draft is documented."""
    examples = [Example(value=EXAMPLE)]
    return ResponseSpec(Draft, generate_examples=False, description=description, examples=examples)


@post(
    "/v1/tariffs/drafts",
    tags=TAGS,
    summary="起草收费规则 Draft a tariff",
    description=(
        "保存一份收费规则草稿；内容此后不变，更正须另起草。市级人员须指明经营单位。"
        "Keeps a plan as a draft. It never changes: a correction is another draft. "
        "The city names the operator."
    ),
    opt=DRAFT | {"body_example": {name: EXAMPLE[name] for name in ("plan_key", "name", "body")}},
    security=STAFF,
    responses={
        201: shown("草稿 The draft"),
        **refusals(PlanInvalid, OperatorNotNamed, staff=True),
    },
)
async def create_draft(
    data: JSONBody[NewDraft],
    principal: NamedDependency[Principal],
    tariff_office: NamedDependency[TariffOffice],
    directory: NamedDependency[LotDirectory],
) -> Draft:
    """Propose a plan."""
    return await tariff_office.draft(data, directory, by=principal)


@get(
    "/v1/tariffs/drafts",
    tags=TAGS,
    summary="草稿列表 Drafts",
    description="新的在前，分页；经营单位只见本单位。Newest first; an operator sees its own.",
    opt=READ,
    security=STAFF,
    responses=refusals(staff=True),
)
async def list_drafts(
    principal: NamedDependency[Principal],
    tariff_office: NamedDependency[TariffOffice],
    *,
    draft_state: State = None,
    before: Before = None,
    limit: Limit = 50,
) -> DraftPage:
    """List the drafts that this person may see."""
    return await tariff_office.drafts(state=draft_state, before=before, limit=limit, by=principal)


@get(
    "/v1/tariffs/drafts/{draft_id:int}",
    tags=TAGS,
    summary="一份草稿 One draft",
    description="草稿全文、校验结果与经手人。The draft whole: its findings and who did what.",
    opt=READ,
    security=STAFF,
    responses={200: shown("草稿 The draft"), **refusals(DraftUnknown, staff=True)},
)
async def show_draft(
    draft_id: Number,
    principal: NamedDependency[Principal],
    tariff_office: NamedDependency[TariffOffice],
) -> Draft:
    """Show one draft."""
    return await tariff_office.show_draft(draft_id, by=principal)


@post(
    "/v1/tariffs/drafts/{draft_id:int}/check",
    status_code=200,
    tags=TAGS,
    summary="校验草稿 Check a draft",
    description=(
        "校验草稿并保存结果；无错误者方可发布。"
        "Checks the draft and keeps what was found; without an error it may be published."
    ),
    opt=DRAFT,
    security=STAFF,
    responses={
        200: shown("校验后的草稿 The draft with its findings"),
        **refusals(DraftUnknown, DraftClosed, ChecksBusy, staff=True),
    },
)
async def check_draft(
    draft_id: Number,
    principal: NamedDependency[Principal],
    tariff_office: NamedDependency[TariffOffice],
) -> Draft:
    """Look a draft through."""
    return await tariff_office.check(draft_id, by=principal)


@post(
    "/v1/tariffs/drafts/{draft_id:int}/publish",
    status_code=200,
    tags=TAGS,
    summary="发布草稿 Publish a draft",
    description=(
        "由起草人以外的人员发布，自所述时间（默认当前）起生效；同一规则的前一版本同时终止。"
        "政府定价与政府指导价由市级管理员发布。"
        "By another person than its author; in force from the stated moment, or from now, where "
        "the version before it ends. The city publishes prices that the government fixes or guides."
    ),
    opt=PUBLISH | {"body_example": {"valid_from_at": "2026-12-01T00:00:00+08:00"}},
    security=STAFF,
    responses={
        200: shown("已发布的草稿 The published draft"),
        **refusals(
            DraftUnknown,
            DraftClosed,
            DraftNotChecked,
            SecondPersonNeeded,
            CityDecides,
            DateInvalid,
            VersionsOverlap,
            staff=True,
        ),
    },
)
async def publish_draft(
    draft_id: Number,
    data: JSONBody[Publication],
    principal: NamedDependency[Principal],
    tariff_office: NamedDependency[TariffOffice],
) -> Draft:
    """Put a draft in force."""
    return await tariff_office.publish(draft_id, data, by=principal)


@post(
    "/v1/tariffs/drafts/{draft_id:int}/withdraw",
    status_code=200,
    tags=TAGS,
    summary="撤回 Withdraw a draft",
    description=(
        "撤回草稿，或撤回已发布而尚未生效的版本；前一版本恢复延续。已生效的版本不可撤回。"
        "Drops a draft, or takes a published version back that has not begun: the one before it "
        "goes on. A version that has begun never changes."
    ),
    opt=DRAFT,
    security=STAFF,
    responses={
        200: shown("已撤回的草稿 The withdrawn draft"),
        **refusals(DraftUnknown, DraftClosed, AlreadyBegun, StillAssigned, CityDecides, staff=True),
    },
)
async def withdraw_draft(
    draft_id: Number,
    principal: NamedDependency[Principal],
    tariff_office: NamedDependency[TariffOffice],
) -> Draft:
    """Take a draft back."""
    return await tariff_office.withdraw(draft_id, by=principal)


@get(
    "/v1/tariffs/versions",
    tags=TAGS,
    summary="版本列表 Versions",
    description="已发布的版本，新的在前，分页。Published versions, newest first.",
    opt=READ,
    security=STAFF,
    responses=refusals(staff=True),
)
async def list_versions(
    principal: NamedDependency[Principal],
    tariff_office: NamedDependency[TariffOffice],
    *,
    plan_key: Key = None,
    before: Before = None,
    limit: Limit = 50,
) -> VersionPage:
    """List the versions that this person may see."""
    return await tariff_office.versions(plan_key=plan_key, before=before, limit=limit, by=principal)


@get(
    "/v1/tariffs/versions/{plan_id:int}",
    tags=TAGS,
    summary="一个版本 One version",
    description="版本全文与有效期。The version whole, and when it is in force.",
    opt=READ,
    security=STAFF,
    responses=refusals(VersionUnknown, staff=True),
)
async def show_version(
    plan_id: Number,
    principal: NamedDependency[Principal],
    tariff_office: NamedDependency[TariffOffice],
) -> FiledVersion:
    """Show one version."""
    return await tariff_office.version(plan_id, by=principal)


@post(
    "/v1/tariffs/assignments",
    tags=TAGS,
    summary="启用收费规则 Let lots charge by a plan",
    description=(
        "自所述时间（默认当前）起，所列停车场按该规则收费；该时刻规则须有生效版本。"
        "From the stated moment, or from now, these lots charge by the plan; a version of it must "
        "be in force then."
    ),
    opt=PUBLISH | {"body_example": ASSIGNMENT},
    security=STAFF,
    responses=refusals(
        OperatorNotNamed, LotUnknown, NoPlan, CityDecides, DateInvalid, VersionsOverlap, staff=True
    ),
)
async def assign_plan(
    data: JSONBody[NewAssignment],
    principal: NamedDependency[Principal],
    tariff_office: NamedDependency[TariffOffice],
    directory: NamedDependency[LotDirectory],
) -> Assigned:
    """Change what lots charge by."""
    return await tariff_office.assign(data, directory, by=principal)


HANDLERS = [
    create_draft,
    list_drafts,
    show_draft,
    check_draft,
    publish_draft,
    withdraw_draft,
    list_versions,
    show_version,
    assign_plan,
]
