"""Nouns of invoices.

Owns: titles, sellers, invoices with their lines, and what a provider is asked and says.
Never: knows a provider's wire format.
"""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from onepark.contexts.payments.kept import KeptPayment
from onepark.kernel.types import ORDER_NO_EXAMPLE, ORDER_NO_PATTERN, Fen, LotId, OperatorId, OrderNo

ORDERS_MAX = 50  # on one invoice
TAX_ID_PATTERN = r"^[0-9A-HJ-NPQRTUWXY]{18}$(?!\n)"
TAX_ID_EXAMPLE = "91350100M000100Y43"
INVOICE_NO_PATTERN = r"^I[A-Z2-7]{26}$(?!\n)"
INVOICE_NO_EXAMPLE = "IABCDEFGHIJKLMNOPQRSTUVWXYZ"
TOKEN_PATTERN = r"^[A-Z2-7]{32}$(?!\n)"  # noqa: S105  a form
TOKEN_EXAMPLE = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"  # noqa: S105  an example

Name: TypeAlias = Annotated[
    str,
    Meta(pattern=r"^[^\u0000-\u001f\u007f]{2,100}$(?!\n)", examples=["江阴市某某有限公司"]),
]
TaxId: TypeAlias = Annotated[
    str,
    Meta(
        pattern=TAX_ID_PATTERN,
        examples=[TAX_ID_EXAMPLE],
        description="统一社会信用代码，末位为校验码 GB 32100, the last character checks the others",
    ),
]
Email: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
        r"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}$(?!\n)",
        max_length=254,
        examples=["finance@example.com"],
    ),
]
Phone: TypeAlias = Annotated[str, Meta(pattern=r"^1[0-9]{10}$(?!\n)", examples=["13800000000"])]
PaymentText: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Z2-7]{32}$(?!\n)", examples=["A" * 32])]
OrderText: TypeAlias = Annotated[
    str, Meta(pattern=ORDER_NO_PATTERN + r"(?!\n)", examples=[ORDER_NO_EXAMPLE])
]
OperatorNo: TypeAlias = Annotated[
    int, Meta(ge=1, le=2**63 - 1, description="市级须指明 Named by the city's staff")
]
TokenText: TypeAlias = Annotated[str, Meta(pattern=TOKEN_PATTERN, examples=[TOKEN_EXAMPLE])]


class BuyerKind(StrEnum):
    """Who an invoice is made out to."""

    INDIVIDUAL = "individual"  # 自然人
    ORGANISATION = "organisation"


class Document(StrEnum):
    """What is made out: an invoice for tax, or a receipt for what belongs to the treasury."""

    GENERAL = "general"  # 数电发票（普通发票）
    SPECIAL = "special"  # 数电发票（增值税专用发票）
    FISCAL = "fiscal"  # 财政电子票据


class SellerKind(StrEnum):
    """What a seller may make out."""

    VAT = "vat"
    FISCAL = "fiscal"


class Title(Struct, frozen=True, forbid_unknown_fields=True):
    """Who an invoice is made out to (发票抬头); an organisation has a tax id, nobody else."""

    kind: BuyerKind
    name: Name
    tax_id: TaxId | None = None


class Contact(Struct, frozen=True, forbid_unknown_fields=True):
    """Where an invoice is sent to; nobody has to be told."""

    email: Email | None = None
    phone: Phone | None = None


class InvoiceAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """An invoice for one or more paid orders of one operator; ``document`` null is what fits them.

    ``payment_nos`` name one payment of each order: who owes can be found by a plate, and only
    who has paid knows these. Either ``title``, or the token of one that was kept.
    """

    order_nos: Annotated[tuple[OrderText, ...], Meta(min_length=1, max_length=ORDERS_MAX)]
    payment_nos: Annotated[tuple[PaymentText, ...], Meta(min_length=1, max_length=ORDERS_MAX)]
    title: Title | None = None
    title_token: TokenText | None = None
    contact: Contact | None = None
    document: Document | None = None


class InvoiceState(StrEnum):
    """An invoice goes forward only; one that was issued is taken back by a red one."""

    REQUESTED = "requested"  # ours; no provider has heard of it
    ISSUING = "issuing"  # and one may have
    FAILED = "failed"  # it was not issued, nor will be unless a person has it tried again
    ISSUED = "issued"
    RED_REQUESTED = "red_requested"  # 红字确认单
    RED_CONFIRMED = "red_confirmed"
    REVERSED = "reversed"


class Seller(Struct, frozen=True):
    """In whose name an operator's invoices are made out; in the order of the store's columns."""

    seller_id: int
    operator_id: OperatorId
    kind: SellerKind
    name: str
    tax_id: str
    division: str
    province: str
    city: str
    provider: str
    provider_account: str
    drawer: str
    rate_bp: int | None
    goods_code: str | None
    goods_name: str
    preferential_code: int | None
    valid_from: date
    valid_until: date | None


class Line(Struct, frozen=True):
    """One order on an invoice with the lease that it was; in the order of the store's columns."""

    lot_id: LotId
    order_no: OrderNo
    amount_fen: Fen
    tax_fen: Fen
    province: str
    city: str
    address: str
    cross_city: bool  # the lot lies in another city than where the seller is registered
    lease_from_at: datetime
    lease_until_at: datetime
    plate: str


class Invoice(Struct, frozen=True):
    """An invoice; the fields stand in the order of the store's columns."""

    invoice_no: str
    operator_id: OperatorId
    seller_id: int
    document: Document
    fingerprint: bytes
    buyer_kind: BuyerKind
    buyer_name: str
    buyer_tax_id: str | None
    contact: bytes | None
    total_fen: Fen
    tax_fen: Fen
    rate_bp: int | None
    state: InvoiceState
    requested_at: datetime
    lines: int
    follows: str | None = None
    rounds: int = 1
    tries: int = 0
    next_ask_at: datetime | None = None
    number: str | None = None
    issued_at: datetime | None = None
    trouble: str | None = None
    waits_since_at: datetime | None = None
    due_at: datetime | None = None
    refunded_at: datetime | None = None
    red_no: str | None = None
    red_reason: str | None = None
    red_asked_by: str | None = None
    red_asked_at: datetime | None = None
    red_number: str | None = None
    reversed_at: datetime | None = None
    rest_wanted: bool = False

    @property
    def title(self) -> Title:
        """Return who it is made out to."""
        return Title(self.buyer_kind, self.buyer_name, self.buyer_tax_id)


class RedReason(StrEnum):
    """Why an invoice is taken back, in the words of the tax authority."""

    ISSUE_ERROR = "issue_error"  # 开票有误
    SALES_RETURN = "sales_return"  # 销货退回
    SERVICE_STOPPED = "service_stopped"  # 服务中止
    SALES_DISCOUNT = "sales_discount"  # 销售折让


class ToIssue(Struct, frozen=True):
    """What a provider is asked to make out; the same number always asks for the same."""

    invoice: Invoice
    seller: Seller
    lines: Sequence[Line]
    contact: Contact
    payments: Sequence[KeptPayment]


class ToReverse(Struct, frozen=True):
    """What a provider is asked to take back."""

    invoice: Invoice
    seller: Seller


class Word(StrEnum):
    """What a provider says became of an invoice."""

    ABSENT = "absent"  # the provider knows no such invoice
    ACCEPTED = "accepted"  # it will be made out
    ISSUED = "issued"
    RED_REQUESTED = "red_requested"  # the buyer has to confirm
    RED_CONFIRMED = "red_confirmed"  # it will be taken back
    RED_REFUSED = "red_refused"  # the buyer will not have it taken back
    REVERSED = "reversed"


class Said(Struct, frozen=True):
    """One statement of a provider about one invoice, in our own words and in fen."""

    invoice_no: str
    word: Word
    number: str | None = None
    total_fen: Fen | None = None
    at: datetime | None = None  # when it was issued, or taken back
    red_number: str | None = None


class FileFormat(StrEnum):
    """As what an invoice can be had."""

    PDF = "pdf"
    OFD = "ofd"
    XML = "xml"


class InvoiceFile(Struct, frozen=True):
    """An invoice as its provider gives it."""

    media_type: str
    body: bytes


class Way(StrEnum):
    """How somebody is told of an invoice."""

    WEBHOOK = "webhook"
    MAIL = "mail"


class Event(StrEnum):
    """What is told of an invoice."""

    ISSUED = "issued"
    FAILED = "failed"
    REVERSED = "reversed"


class Message(Struct, frozen=True):
    """Something that is told of an invoice until it is heard; its id stays the same."""

    message_id: str
    invoice_no: str
    operator_id: OperatorId
    way: Way
    event: Event
    tries: int
