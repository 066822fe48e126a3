"""What parties agree on: the terms of one version of a contract.

Owns: the nouns of a contract's terms, as they are drafted, kept and shown.
Never: computes a share.
"""

from enum import StrEnum
from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

PPM = 1_000_000
PARTIES_MAX = 20
TIERS_MAX = 10
FEN_MAX = 10**12  # ten thousand million yuan

PartyCode: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$(?!\n)",
        description="合作方编号 Code of a party: lower-case letters, digits, `_`, `-`",
        examples=["public_utilities"],
    ),
]
SharePpm: TypeAlias = Annotated[
    int, Meta(ge=0, le=PPM, description="百万分比 Parts of a million", examples=[600_000])
]
AmountFen: TypeAlias = Annotated[int, Meta(ge=1, le=FEN_MAX, examples=[5_000_000])]


class Form(StrEnum):
    """The five forms of co-operation that the city's plan names."""

    AUTHORISED_OPERATION = "authorised_operation"  # 授权经营
    JOINT_STOCK = "joint_stock"  # 合资合股
    CO_INVESTMENT = "co_investment"  # 项目共投
    ENTRUSTED_OPERATION = "entrusted_operation"  # 委托运营
    REVENUE_SHARE = "revenue_share"  # 收益分成


class Base(StrEnum):
    """What is shared: all that a payer was to pay, or what is left of it."""

    GROSS = "gross"
    NET_OF_FEE = "net_of_fee"
    NET_OF_COUPONS = "net_of_coupons"
    NET = "net"  # of both


class Cycle(StrEnum):
    """How often parties are settled with."""

    DAY = "day"  # T+1
    MONTH = "month"


class Share(Struct, frozen=True, forbid_unknown_fields=True):
    """One party and its part of the first band."""

    party: PartyCode
    share_ppm: SharePpm


class Tier(Struct, frozen=True, forbid_unknown_fields=True):
    """How that part of a cycle's base is shared that lies above an amount."""

    above_fen: AmountFen
    shares_ppm: Annotated[tuple[SharePpm, ...], Meta(min_length=1, max_length=PARTIES_MAX)]


class Guarantee(Struct, frozen=True, forbid_unknown_fields=True):
    """What a party gets at least in a whole cycle, and who makes it up."""

    party: PartyCode
    amount_fen: AmountFen
    paid_by: PartyCode


class Terms(Struct, frozen=True, forbid_unknown_fields=True):
    """How what a lot earns is shared.

    A fee or a coupon that the base does not take off is borne by the party that is named, or, where
    none is named, by the platform.
    """

    parties: Annotated[tuple[Share, ...], Meta(min_length=1, max_length=PARTIES_MAX)]
    base: Base = Base.GROSS
    cycle: Cycle = Cycle.MONTH
    fee_bearer: PartyCode | None = None
    coupon_bearer: PartyCode | None = None
    tiers: Annotated[tuple[Tier, ...], Meta(max_length=TIERS_MAX)] = ()
    guarantees: Annotated[tuple[Guarantee, ...], Meta(max_length=PARTIES_MAX)] = ()
