"""Endpoints of staff who put passages and stays right.

Owns: nothing but the way from a request to a ruling.
Never: decides.
"""

from typing import Annotated

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, PathParameter

from onepark.contexts.stays.errors import (
    LotUnknown,
    OddCountConfirmed,
    OddCountUnknown,
    PairDecided,
    PairUnknown,
    PassageRuled,
    PassageUnknown,
    PlateInvalid,
    RulingImpossible,
    StayConfirmed,
    StayUnknown,
    StoreUnavailable,
    TariffNotLoaded,
)
from onepark.contexts.stays.ghosts import GhostPage, Ghosts
from onepark.contexts.stays.http import NUMBER_MAX, STAY_TAGS, After, Limit, Lot
from onepark.contexts.stays.odd_counts import CountConfirmed, OddCountPage, OddCounts
from onepark.contexts.stays.oddities import OddStayPage
from onepark.contexts.stays.rulings import (
    Confirmation,
    Correction,
    Ruled,
    Rulings,
    Voiding,
)
from onepark.contexts.stays.two_lots import PairDecision, PairPage, PairRuled, TwoLots
from onepark.infra.openapi import refusals
from onepark.kernel.staff import Permission, Principal
from onepark.kernel.types import LotCode

Stay = Annotated[
    int, PathParameter(ge=1, le=NUMBER_MAX, description="停车记录编号。The stay's number.")
]


@get(
    "/v1/stays/ghosts",
    tags=STAY_TAGS,
    summary="未见出场的停车记录 Stays that ended unseen",
    description=(
        "未收到出场、但全市证据表明车辆已离开的停车记录：同一车牌已进入其他停车场、车场快照为空，"
        "或出口道闸曾常开且其后快照中已无该车。"
        "等候期满后按最晚可能时刻结束，不再计费；收到真实出场即以其为准。"
        "Stays whose exit was not heard of while something shows that the car has gone: it went in "
        "elsewhere, its lot says that it is empty, or a barrier stood open and the lot then held "
        "no more than came later. After a while they end at the last possible moment and nothing "
        "more is charged; an exit that is heard of after all is believed."
    ),
    opt={"permission": Permission.READ_MISREADS},
    security=[{"staff": []}],
    responses=refusals(LotUnknown, staff=True),
)
async def list_ghosts(
    principal: NamedDependency[Principal],
    ghosts: NamedDependency[Ghosts],
    *,
    lot: Lot = "",
    after: After = 0,
    limit: Limit = 50,
) -> GhostPage:
    """List cars that are believed to have left unseen."""
    return await ghosts.page(lot=LotCode(lot), after=after, limit=limit, by=principal)


@get(
    "/v1/stays/odd",
    tags=STAY_TAGS,
    summary="待核查的停车记录 Stays that somebody should look at",
    description=(
        "缺少入场或出场、重复入场、车牌或时钟存疑、误识别出场、久留无牌、跟车驶出、人工抬杆、"
        "未见放行即驶出或同一车牌同时在两场的停车记录，含责任方、期限及证据，车牌脱敏。"
        "Stays without an entry or an exit, with a doubtful plate or clock, with a misread exit, "
        "of cars without a plate that stay long, that went in twice, that left owing behind "
        "another one, under a raised barrier or with nobody opening for them, or whose plate was "
        "in two lots at once; each with its owner, until when it should be looked at and what "
        "shows it. Plates are masked."
    ),
    opt={"permission": Permission.READ_MISREADS},
    security=[{"staff": []}],
    responses=refusals(LotUnknown, staff=True),
)
async def list_odd_stays(
    principal: NamedDependency[Principal],
    rulings: NamedDependency[Rulings],
    *,
    lot: Lot,
    after: After = 0,
    limit: Limit = 50,
) -> OddStayPage:
    """List stays that nobody has looked at."""
    return await rulings.odd_stays(lot=LotCode(lot), after=after, limit=limit, by=principal)


@post(
    "/v1/lots/{lot:str}/stays/{stay_id:int}/confirmations",
    status_code=200,
    tags=STAY_TAGS,
    summary="确认停车记录无误 Confirm an odd stay",
    description="说明理由，停车记录保持不变。The stay is right as it is; say why.",
    opt={"permission": Permission.RULE_PASSAGE},
    security=[{"staff": []}],
    responses=refusals(LotUnknown, StayUnknown, StayConfirmed, RulingImpossible, staff=True),
)
async def confirm_stay(
    principal: NamedDependency[Principal],
    data: JSONBody[Confirmation],
    rulings: NamedDependency[Rulings],
    *,
    lot: FromPath[str],
    stay_id: Stay,
) -> Ruled:
    """Leave an odd stay as it is."""
    return await rulings.confirm(LotCode(lot), stay_id, data, by=principal)


RULING_REFUSALS = (
    *(LotUnknown, PassageUnknown, PassageRuled, PlateInvalid, RulingImpossible),
    *(StoreUnavailable, TariffNotLoaded),
)


@post(
    "/v1/stays/passages/voidings",
    status_code=200,
    tags=STAY_TAGS,
    summary="作废过车记录 Void a passage",
    description=(
        "该次过车不存在，按其余记录重新计算停车；已收款只退不补。"
        "There was no such passage: its car is folded again without it. Money goes back and is "
        "never asked for anew."
    ),
    opt={"permission": Permission.RULE_PASSAGE},
    security=[{"staff": []}],
    responses=refusals(*RULING_REFUSALS, staff=True),
)
async def void_passage(
    principal: NamedDependency[Principal],
    data: JSONBody[Voiding],
    rulings: NamedDependency[Rulings],
) -> Ruled:
    """Say that there was no such passage."""
    return await rulings.void(data, by=principal)


@post(
    "/v1/stays/passages/corrections",
    status_code=200,
    tags=STAY_TAGS,
    summary="更正过车记录 Correct a passage",
    description=(
        "更正车牌、颜色或时间；原记录保留并作废，更正后的记录重新计算。"
        "Put right the plate, its colour or the moment: what was said is kept and void, what it "
        "was takes its place, and both cars are folded again."
    ),
    opt={"permission": Permission.RULE_PASSAGE},
    security=[{"staff": []}],
    responses=refusals(*RULING_REFUSALS, staff=True),
)
async def correct_passage(
    principal: NamedDependency[Principal],
    data: JSONBody[Correction],
    rulings: NamedDependency[Rulings],
) -> Ruled:
    """Say what a passage really was."""
    return await rulings.correct(data, by=principal)


Pair = Annotated[
    int, PathParameter(ge=1, le=NUMBER_MAX, description="记录编号。The pair's number.")
]


@get(
    "/v1/stays/two-lots",
    tags=STAY_TAGS,
    summary="同一车牌同时在两个停车场 One plate in two lots at once",
    description=(
        "两次停车均有真实出场且时间重叠：疑似套牌或误识别，由市级监管人员处理。"
        "Both visits have a real exit and lie over each other: a cloned plate or a misread one, "
        "for the supervisors of the city. Operators see their own half in the list of odd stays."
    ),
    opt={"permission": Permission.READ_MISREADS},
    security=[{"staff": []}],
    responses=refusals(staff=True),
)
async def list_two_lots(
    principal: NamedDependency[Principal],
    two_lots: NamedDependency[TwoLots],
    *,
    after: After = 0,
    limit: Limit = 50,
) -> PairPage:
    """List plates that were in two lots at once."""
    return await two_lots.page(after=after, limit=limit, by=principal)


@post(
    "/v1/stays/two-lots/{pair_id:int}/decisions",
    status_code=200,
    tags=STAY_TAGS,
    summary="认定同车牌双车场 Decide one plate in two lots",
    description=(
        "认定为套牌、误识别或时钟错误；误识别转由运营方更正。"
        "Say what it was, and why; a misread plate is then its operator's to correct. The same "
        "verdict again changes nothing."
    ),
    opt={"permission": Permission.DECIDE_TWO_LOTS},
    security=[{"staff": []}],
    responses=refusals(PairUnknown, PairDecided, RulingImpossible, staff=True),
)
async def decide_two_lots(
    principal: NamedDependency[Principal],
    data: JSONBody[PairDecision],
    two_lots: NamedDependency[TwoLots],
    *,
    pair_id: Pair,
) -> PairRuled:
    """Say why one plate was seen in two lots."""
    return await two_lots.decide(pair_id, data, by=principal)


OddCount = Annotated[
    int, PathParameter(ge=1, le=NUMBER_MAX, description="记录编号。The count's number.")
]


@get(
    "/v1/stays/odd-counts",
    tags=STAY_TAGS,
    summary="异常车位数 Counts that cannot be",
    description=(
        "在场车辆数长时间超过泊位数（空余为负）或小于零：起始时间、偏差、责任方与期限。"
        "Pools that have held more cars than bays, or fewer than none, for a while: since when, by "
        "how much, whose they are and until when somebody should look. They end when passages "
        "are put right or cars leave."
    ),
    opt={"permission": Permission.READ_MISREADS},
    security=[{"staff": []}],
    responses=refusals(LotUnknown, staff=True),
)
async def list_odd_counts(
    principal: NamedDependency[Principal],
    odd_counts: NamedDependency[OddCounts],
    *,
    lot: Lot = "",
    after: After = 0,
    limit: Limit = 50,
) -> OddCountPage:
    """List counts that have been odd for a while."""
    return await odd_counts.page(lot=LotCode(lot), after=after, limit=limit, by=principal)


@post(
    "/v1/stays/odd-counts/{odd_count_id:int}/confirmations",
    status_code=200,
    tags=STAY_TAGS,
    summary="确认车位数无误 Confirm an odd count",
    description="说明理由；恢复正常后再次异常会重新列出。It is right as it is; say why.",
    opt={"permission": Permission.RULE_PASSAGE},
    security=[{"staff": []}],
    responses=refusals(OddCountUnknown, OddCountConfirmed, RulingImpossible, staff=True),
)
async def confirm_odd_count(
    principal: NamedDependency[Principal],
    data: JSONBody[Confirmation],
    odd_counts: NamedDependency[OddCounts],
    *,
    odd_count_id: OddCount,
) -> CountConfirmed:
    """Leave an odd count as it is."""
    return await odd_counts.confirm(odd_count_id, data, by=principal)


HANDLERS = [
    *(list_ghosts, list_odd_stays, list_two_lots, list_odd_counts),
    *(confirm_stay, void_passage, correct_passage, decide_two_lots, confirm_odd_count),
]
