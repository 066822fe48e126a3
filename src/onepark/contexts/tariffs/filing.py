"""A plan on its way from a draft to force, and who may take which step.

Owns: the nouns of filing, and the decisions of publishing, withdrawing and assigning.
Never: awaits, reads a clock, or lets one person do both halves.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, TypeAlias

from msgspec import Meta, Struct

from onepark.contexts.access.errors import NotAllowed
from onepark.contexts.access.rules import allows
from onepark.contexts.tariffs.checking import Finding, is_good
from onepark.contexts.tariffs.errors import (
    AlreadyBegun,
    CityDecides,
    DateInvalid,
    DraftClosed,
    DraftNotChecked,
    LotUnknown,
    NoPlan,
    OperatorNotNamed,
    SecondPersonNeeded,
    StillAssigned,
)
from onepark.contexts.tariffs.model import Assignment, Body, Instant, PlanRow
from onepark.contexts.tariffs.ports import KnownLot, LotDirectory
from onepark.contexts.tariffs.proof import plan_hash
from onepark.contexts.tariffs.wording import plain_chinese
from onepark.kernel.staff import Change, Permission, Principal
from onepark.kernel.types import CHINA, LotCode, OperatorId, PlanId

LOTS_MAX = 200  # of one assignment
END_OF_DATES = datetime(2101, 1, 1, tzinfo=CHINA)
MARKET = "market"  # 市场调节价: the operator's own price

PlanKey: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9_]{1,64}$(?!\n)",
        description="收费规则编号 Key of the plan: lower-case letters, digits, `_`",
        examples=["t7_taicang"],
    ),
]
PlanName: TypeAlias = Annotated[
    str, Meta(pattern=r"^[^\u0000-\u001f\u007f]{1,128}$(?!\n)", examples=["太仓庆阳路"])
]
OperatorNumber: TypeAlias = Annotated[
    int,
    Meta(
        ge=1,
        le=2**53 - 1,
        description="经营单位编号，市级人员必填 Whose plan it is; only the city has to say",
        examples=[1],
    ),
]
LotText: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9]{12}$(?!\n)", examples=["320281001101"])]


class DraftState(StrEnum):
    """How far a draft has come."""

    DRAFT = "draft"
    CHECKED = "checked"  # without an error: it may be published
    FAILED = "failed"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class NewDraft(Struct, frozen=True, forbid_unknown_fields=True):
    """A plan to be."""

    plan_key: PlanKey
    name: PlanName
    body: Body
    operator_id: OperatorNumber | None = None


class Publication(Struct, frozen=True, forbid_unknown_fields=True):
    """From when on a draft is to be in force; left out: from now on."""

    valid_from_at: Instant | None = None


class NewAssignment(Struct, frozen=True, forbid_unknown_fields=True):
    """Which lots are to charge by a plan that is in force then; left out: from now on."""

    plan_key: PlanKey
    lots: Annotated[tuple[LotText, ...], Meta(min_length=1, max_length=LOTS_MAX)]
    operator_id: OperatorNumber | None = None
    valid_from_at: Instant | None = None


class DraftRow(Struct, frozen=True):
    """A draft as it is kept; the fields stand in the order of the statements that read it."""

    draft_id: int
    operator_id: OperatorId
    plan_key: str
    name: str
    body: str
    author_id: int
    author: str
    drafted_at: datetime
    state: DraftState
    checker: str | None
    checked_at: datetime | None
    findings: tuple[Finding, ...] | None
    publisher: str | None
    published_at: datetime | None
    plan_id: PlanId | None
    withdrawer: str | None
    withdrawn_at: datetime | None


class DraftLine(Struct, frozen=True):
    """A draft in a list."""

    draft_id: int
    operator_id: OperatorId
    plan_key: str
    name: str
    state: DraftState
    author: str
    drafted_at: datetime
    plan_id: PlanId | None


class DraftPage(Struct, frozen=True):
    """Drafts, newest first; ``next_before`` asks for the page after."""

    drafts: tuple[DraftLine, ...]
    next_before: int | None


class Draft(Struct, frozen=True):
    """A draft whole: who did what with it, what its check found, and what it would tell drivers."""

    draft_id: int
    operator_id: OperatorId
    plan_key: str
    name: str
    state: DraftState
    author: str
    drafted_at: datetime
    checker: str | None
    checked_at: datetime | None
    findings: tuple[Finding, ...] | None
    publisher: str | None
    published_at: datetime | None
    plan_id: PlanId | None
    withdrawer: str | None
    withdrawn_at: datetime | None
    plan_hash: str
    text_zh: tuple[str, ...]
    body: dict[str, Any]


class VersionLine(Struct, frozen=True):
    """A version in a list."""

    plan_id: PlanId
    operator_id: OperatorId
    plan_key: str
    version: int
    name: str
    valid_from_at: datetime
    valid_until_at: datetime | None
    published_at: datetime
    withdrawn_at: datetime | None


class VersionPage(Struct, frozen=True):
    """Versions, newest first; ``next_before`` asks for the page after."""

    versions: tuple[VersionLine, ...]
    next_before: int | None


class FiledVersion(Struct, frozen=True):
    """A version whole."""

    plan_id: PlanId
    operator_id: OperatorId
    plan_key: str
    version: int
    name: str
    valid_from_at: datetime
    valid_until_at: datetime | None
    published_at: datetime
    withdrawn_at: datetime | None
    plan_hash: str
    text_zh: tuple[str, ...]
    body: dict[str, Any]


class Assigned(Struct, frozen=True):
    """Lots that charge by a plan from a moment on."""

    plan_key: str
    operator_id: OperatorId
    lots: tuple[str, ...]
    valid_from_at: datetime


# -- decisions -------------------------------------------------------------------------------------


def owner_of(asked: int | None, by: Principal, lots: LotDirectory) -> OperatorId:
    """Return whose plan it is: staff of an operator their own, the city any that exists."""
    if by.operator_id is not None:
        if asked not in {None, by.operator_id}:
            raise OperatorNotNamed("Staff of an operator file its plans.", field="operator_id")
        return by.operator_id
    if asked is None or lots.operator(OperatorId(asked)) is None:
        raise OperatorNotNamed("The city names the operator.", field="operator_id")
    return OperatorId(asked)


def begins_at(asked: datetime | None, now: datetime) -> datetime:
    """Return when something comes into force; the past is settled."""
    if asked is None:
        return now
    if not now <= asked < END_OF_DATES:
        raise DateInvalid("valid_from_at: now or later, before 2101.", field="valid_from_at")
    return asked


def check_open(draft: DraftRow) -> None:
    """Refuse a step of a draft that is published or withdrawn."""
    if draft.state in {DraftState.PUBLISHED, DraftState.WITHDRAWN}:
        raise DraftClosed(f"The draft is {draft.state}.", state=draft.state.value)


def state_after_check(findings: Sequence[Finding]) -> DraftState:
    """Return what a check makes of a draft."""
    return DraftState.CHECKED if is_good(findings) else DraftState.FAILED


def check_publication(draft: DraftRow, by: Principal) -> None:
    """Refuse what is closed or unchecked, its author, and an operator where the city is due."""
    check_open(draft)
    if draft.state != DraftState.CHECKED:
        raise DraftNotChecked(f"The draft is {draft.state}.", state=draft.state.value)
    if by.account_id == draft.author_id:
        raise SecondPersonNeeded("Its author cannot publish a draft.")
    _refuse_an_operator(draft, by)


def check_withdrawal(
    draft: DraftRow, version: PlanRow | None, by: Principal, *, now: datetime
) -> None:
    """Refuse to take back what is taken back, a version that has begun, or one of others' making.

    Whoever may draft may drop a draft; a published version needs the power to publish it.
    """
    if draft.state == DraftState.WITHDRAWN:
        raise DraftClosed("The draft is withdrawn.", state=draft.state.value)
    if version is None:
        return
    if not allows(by.role, Permission.PUBLISH_TARIFF):
        raise NotAllowed(f"{by.role} may not withdraw a published version.")
    _refuse_an_operator(draft, by)
    if version.valid_from_at <= now:
        raise AlreadyBegun("The version has begun.", valid_from_at=version.valid_from_at)


def check_left_bare(lots: int) -> None:
    """Refuse to take back what lots are to charge by, where nothing stands in for it."""
    if lots:
        raise StillAssigned(f"{lots} lots would charge by no plan.", lots=lots)


def _refuse_an_operator(draft: DraftRow, by: Principal) -> None:
    if by.operator_id is not None and price_form(draft.body) != MARKET:
        raise CityDecides("The city decides on this plan.", price_form=price_form(draft.body))


def lots_of(
    asked: NewAssignment, lots: LotDirectory, operator_id: OperatorId
) -> dict[str, KnownLot]:
    """Return the lots that are named, each once; those of other operators are unknown here."""
    return {code: _lot_of(code, lots, operator_id) for code in asked.lots}


def assignments_of(
    asked: NewAssignment,
    lots: Mapping[str, KnownLot],
    *,
    operator_id: OperatorId,
    from_at: datetime,
) -> list[Assignment]:
    """Return an assignment a lot."""
    return [Assignment(lot.lot_id, operator_id, asked.plan_key, from_at) for lot in lots.values()]


def check_assignment(version: PlanRow | None, lots: Collection[KnownLot], by: Principal) -> None:
    """Refuse a plan that is not in force then, and a market price where the city sets it."""
    if version is None:
        raise NoPlan("No version of this plan is in force then.", field="valid_from_at")
    free = by.operator_id is None or price_form(version.body) != MARKET
    for lot in lots:
        if not free and lot.price_form != MARKET:
            raise CityDecides("The city sets the price of this lot.", price_form=lot.price_form)


def _lot_of(code: str, lots: LotDirectory, operator_id: OperatorId) -> KnownLot:
    lot = lots.lot(LotCode(code))
    if lot is None or lot.operator_id != operator_id:
        raise LotUnknown(f"The operator has no lot {code}.", field="lots")
    return lot


def price_form(body: str) -> str:
    """Return who sets the price of a plan."""
    return str(json.loads(body).get("price_form", MARKET))


# -- views and traces ------------------------------------------------------------------------------


def draft_view(row: DraftRow) -> Draft:
    """Return a draft as people read it."""
    body = json.loads(row.body)
    told = {name: getattr(row, name) for name in Draft.__struct_fields__ if hasattr(row, name)}
    told["body"], told["plan_hash"] = body, plan_hash(body)
    return Draft(**told, text_zh=_words(body, row.findings))


def version_view(row: PlanRow) -> FiledVersion:
    """Return a version as people read it."""
    body = json.loads(row.body)
    told = {name: getattr(row, name) for name in VersionLine.__struct_fields__}
    words = tuple(plain_chinese(body))
    return FiledVersion(**told, plan_hash=plan_hash(body), text_zh=words, body=body)


def _words(body: Mapping[str, Any], findings: Sequence[Finding] | None) -> tuple[str, ...]:
    """Return a plan in words once it is known to be one."""
    return tuple(plain_chinese(body)) if findings is not None and is_good(findings) else ()


def trace(draft: DraftRow, action: str, by: Principal, **after: object) -> Change:
    """Return the line of the audit trail for one step of a draft."""
    return Change(
        actor=by.login,
        action=f"tariffs.{action}",
        subject=f"draft {draft.draft_id}",
        operator_id=draft.operator_id,
        before=None if action == "drafted" else {"state": draft.state},
        after={"plan_key": draft.plan_key, "plan_hash": plan_hash(json.loads(draft.body)), **after},
    )


def trace_of_assignment(
    asked: NewAssignment,
    lots: Collection[str],
    operator_id: OperatorId,
    *,
    by: Principal,
    from_at: datetime,
) -> list[Change]:
    """Return the lines of the audit trail for lots that change their plan, one a lot."""
    after = {"plan_key": asked.plan_key, "valid_from_at": from_at}
    return [
        Change(by.login, "tariffs.assigned", f"lot {code}", operator_id, after=after)
        for code in lots
    ]
