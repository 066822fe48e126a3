"""What WeChat Pay is told when invoices are asked for.

Owns: the forms of its calls, and how a tester has invoices misbehave.
Never: keeps an application.
"""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

ISSUE_S = 0.3  # from an application to its invoice
RATE_BASE = 10_000

ShortText = Annotated[str, Meta(min_length=1, max_length=32, pattern=r"^[0-9A-Za-z_-]+$")]


class InvoiceBehaviour(Struct, frozen=True, forbid_unknown_fields=True):
    """How applications are treated; the defaults are an ordinary day."""

    delay_s: Annotated[float, Meta(ge=0, le=3_600)] = ISSUE_S
    refuse: str = ""  # the code that an application is declined with
    lose: bool = False  # accepted, and then unknown
    answer_timeout: bool = False  # booked, but its call is not answered in time
    wrong_amount: bool = False  # a query tells one fen too many


class Leasing(Struct, frozen=True):
    province: Annotated[str, Meta(min_length=1)]
    address: Annotated[str, Meta(min_length=1)]
    lease_period_start: Annotated[datetime, Meta(tz=True)]
    lease_period_end: Annotated[datetime, Meta(tz=True)]
    cross_city_flag: bool
    city: str = ""
    plate_no: list[str] = []


class Item(Struct, frozen=True):
    tax_code: Annotated[str, Meta(pattern=r"^[0-9]{19}$")]
    goods_name: str
    quantity: int
    total_amount: Annotated[int, Meta(ge=1)]
    tax_rate: Annotated[int, Meta(ge=0, le=RATE_BASE)]
    discount: bool
    real_estate_leasing_information: Leasing
    preferential_policy_code: Annotated[int, Meta(ge=1, le=18)] | None = None


class Transaction(Struct, frozen=True):
    pay_channel: Literal["WECHAT_PAY"]
    transaction_id: str
    amount: Annotated[int, Meta(ge=1)]


class Information(Struct, frozen=True):
    fapiao_id: ShortText
    total_amount: Annotated[int, Meta(ge=1)]
    need_list: bool
    items: Annotated[list[Item], Meta(min_length=1)]
    billing_person_id: str
    fapiao_bill_type: Literal["COMM_FAPIAO", "VAT_FAPIAO"]
    transaction_information: list[Transaction]


class Buyer(Struct, frozen=True):
    type: Literal["INDIVIDUAL", "ORGANIZATION"]
    name: Annotated[str, Meta(min_length=1)]
    taxpayer_id: str | None = None
    phone: str | None = None
    email: str | None = None


class Application(Struct, frozen=True):
    sub_mchid: ShortText
    fapiao_apply_id: ShortText
    buyer_information: Buyer
    fapiao_information: Information


class ReversedOne(Struct, frozen=True):
    fapiao_id: str
    fapiao_code: str
    fapiao_number: str


class Reversal(Struct, frozen=True):
    sub_mchid: str
    reverse_reason: Literal["ISSUE_ERROR", "SALES_RETURN", "SERVICE_SUSPENTION", "SALES_DISCOUNT"]
    fapiao_information: Annotated[list[ReversedOne], Meta(min_length=1)]
