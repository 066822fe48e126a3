"""WeChat Pay's invoices (电子发票): API v3 of a service provider.

Owns: four calls, their fields for leases of real estate, and what its words mean in ours.
Never: acts on an answer that no provider key has signed, or sends an address in clear.
"""

import base64
import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, NoReturn, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.hashes import SHA1
from msgspec import Meta, Struct

from onepark.contexts.invoices.errors import ProviderDeclined, ProviderUnavailable
from onepark.contexts.invoices.model import (
    BuyerKind,
    Document,
    FileFormat,
    InvoiceFile,
    Line,
    RedReason,
    Said,
    Seller,
    ToIssue,
    ToReverse,
    Word,
)
from onepark.infra.clock import Clock
from onepark.infra.http_client import HttpAnswer, HttpClient, PeerUnavailable
from onepark.integrations.payments import wechat_wire as wire
from onepark.integrations.payments.keys import Unproven
from onepark.integrations.payments.wechat_wire import MerchantKeys, SignedRequest
from onepark.kernel.types import CHINA, Fen

T = TypeVar("T")

APPLICATIONS = "/v3/new-tax-control-fapiao/fapiao-applications"
ACCEPTED = frozenset({200, 202, 204})
ALREADY = frozenset({"RESOURCE_ALREADY_EXISTS"})
GONE = frozenset({"RESOURCE_NOT_EXISTS", "NOT_FOUND"})
QUANTITY_ONE = 100_000_000  # quantities are counted in 1e-8
TOO_BUSY, SERVER_FAULTS = 429, 500
PDF_MARK = b"%PDF-"

WORDS = {
    "ISSUE_ACCEPTED": Word.ACCEPTED,
    "ISSUED": Word.ISSUED,
    "REVERSE_ACCEPTED": Word.RED_CONFIRMED,  # a form and a confirmation are WeChat's own affair
    "REVERSED": Word.REVERSED,
}
BUYERS = {BuyerKind.INDIVIDUAL: "INDIVIDUAL", BuyerKind.ORGANISATION: "ORGANIZATION"}
BILLS = {Document.GENERAL: "COMM_FAPIAO", Document.SPECIAL: "VAT_FAPIAO"}
REASONS = {
    RedReason.ISSUE_ERROR: "ISSUE_ERROR",
    RedReason.SALES_RETURN: "SALES_RETURN",
    RedReason.SERVICE_STOPPED: "SERVICE_SUSPENTION",  # so it is spelt there
    RedReason.SALES_DISCOUNT: "SALES_DISCOUNT",
}


class Fapiao(Struct, frozen=True):
    """One half of an invoice, blue or red."""

    fapiao_number: str
    fapiao_time: Annotated[datetime, Meta(tz=True)]
    fapiao_code: str = ""


class Information(Struct, frozen=True):
    """An invoice as a query tells it."""

    fapiao_id: str
    status: str
    total_amount: Annotated[int, Meta(ge=0)]
    blue_fapiao: Fapiao | None = None
    red_fapiao: Fapiao | None = None


class Found(Struct, frozen=True):
    """The answer to a query."""

    fapiao_information: list[Information]


class DownloadInfo(Struct, frozen=True):
    """Where one file lies."""

    fapiao_id: str
    download_url: str = ""


class Files(Struct, frozen=True):
    """The answer to a question for files."""

    fapiao_download_info_list: list[DownloadInfo]


class Declined(Struct, frozen=True):
    """A refusal in WeChat's words."""

    code: str
    message: str = ""


class WechatInvoices:
    """The port of invoices over WeChat Pay."""

    name = "wechat"
    documents = frozenset({Document.GENERAL, Document.SPECIAL})
    channels: frozenset[str] | None = frozenset({"wechat"})
    by_hand = False

    def __init__(
        self,
        client: HttpClient,
        clock: Clock,
        *,
        base_url: str,
        mchid: str,
        held: MerchantKeys,
        answer_serial: str,
    ) -> None:
        self._client, self._clock = client, clock
        self._base_url, self._base_path = base_url, urlsplit(base_url).path
        self._mchid, self._held, self._answer_serial = mchid, held, answer_serial

    async def issue(self, asked: ToIssue) -> Said:
        """Have an invoice made out; the same number is the same invoice."""
        body = self._body_of(asked)
        answer = await self._ask("POST", f"{APPLICATIONS}/real-estate-leasing", body)
        number = asked.invoice.invoice_no
        if answer.status not in ACCEPTED:
            if _read(answer, Declined).code in ALREADY:
                return await self.query(ToReverse(asked.invoice, asked.seller))
            _decline(answer)
        return Said(number, Word.ACCEPTED)

    async def query(self, asked: ToReverse) -> Said:
        """Ask what became of an invoice."""
        found = await self._information(asked)
        number = asked.invoice.invoice_no
        if found is None:
            return Said(number, Word.ABSENT)
        word = WORDS.get(found.status)
        if word is None or (word == Word.ISSUED and found.blue_fapiao is None):
            raise ProviderUnavailable("WeChat Pay speaks of an invoice in unknown words.")
        blue, red = found.blue_fapiao, found.red_fapiao
        dated = red if word == Word.REVERSED else blue
        return Said(
            number,
            word,
            number=None if blue is None else blue.fapiao_number,
            total_fen=Fen(found.total_amount),
            at=None if dated is None else dated.fapiao_time,
            red_number=None if red is None else red.fapiao_number,
        )

    async def red_request(self, asked: ToReverse) -> Said:
        """Have an invoice taken back; asked again it is the same."""
        invoice = asked.invoice
        found = await self._information(asked)
        blue = None if found is None else found.blue_fapiao
        if blue is None or invoice.red_reason is None:
            raise ProviderUnavailable("WeChat Pay does not know the invoice to be taken back.")
        body = {
            "sub_mchid": asked.seller.provider_account,
            "reverse_reason": REASONS[RedReason(invoice.red_reason)],
            "fapiao_information": [
                {
                    "fapiao_id": invoice.invoice_no,
                    "fapiao_code": blue.fapiao_code,
                    "fapiao_number": blue.fapiao_number,
                }
            ],
        }
        answer = await self._ask("POST", f"{_application(asked)}/reverse", body)
        if answer.status not in ACCEPTED:
            _decline(answer)
        return Said(invoice.invoice_no, Word.RED_CONFIRMED)

    async def red_confirm(self, asked: ToReverse) -> Said:
        """Say how taking back stands: WeChat keeps the form to itself."""
        return await self.query(asked)

    async def red_issue(self, asked: ToReverse) -> Said:
        """Wait for the red invoice: WeChat makes it out by itself."""
        return await self.query(asked)

    async def download(self, asked: ToReverse, file_format: FileFormat) -> InvoiceFile | None:
        """Fetch the file of an invoice; WeChat has a PDF of it."""
        if file_format != FileFormat.PDF:
            return None
        query = self._query_of(asked)
        answer = await self._ask("GET", f"{_application(asked)}/fapiao-files?{query}")
        if answer.status != 200:  # noqa: PLR2004
            _decline(answer)
        listed = _read(answer, Files).fapiao_download_info_list
        urls = [one.download_url for one in listed if one.fapiao_id == asked.invoice.invoice_no]
        if not urls or not urls[0]:
            return None
        return InvoiceFile("application/pdf", await self._fetched(urls[0]))

    async def _fetched(self, url: str) -> bytes:
        """Fetch a file from where a signed answer said that it lies."""
        if urlsplit(url).scheme != urlsplit(self._base_url).scheme:
            raise ProviderUnavailable("WeChat Pay named a strange address of a file.")
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = self._headers(SignedRequest("GET", target, b""))
        try:
            answer = await self._client.request("GET", url, headers=headers)
        except PeerUnavailable as error:
            raise ProviderUnavailable("The file of the invoice did not come.") from error
        if answer.status != 200 or not answer.body.startswith(PDF_MARK):  # noqa: PLR2004
            raise ProviderUnavailable("The file of the invoice is none.")
        return answer.body

    def _body_of(self, asked: ToIssue) -> dict[str, object]:
        invoice, contact = asked.invoice, asked.contact
        buyer = {
            "type": BUYERS[invoice.buyer_kind],
            "name": invoice.buyer_name,
            "taxpayer_id": invoice.buyer_tax_id,
            "phone": self._sealed(contact.phone),
            "email": self._sealed(contact.email),
        }
        return {
            "sub_mchid": asked.seller.provider_account,
            "fapiao_apply_id": invoice.invoice_no,
            "buyer_information": {name: text for name, text in buyer.items() if text is not None},
            "fapiao_information": {
                "fapiao_id": invoice.invoice_no,
                "total_amount": invoice.total_fen,
                "need_list": False,
                "items": [_item(line, asked.seller) for line in asked.lines],
                "billing_person_id": asked.seller.drawer,
                "fapiao_bill_type": BILLS[invoice.document],
                "transaction_information": [
                    {
                        "pay_channel": "WECHAT_PAY",
                        "transaction_id": pay.provider_txn,
                        "out_trade_no": pay.payment_no,
                        "amount": pay.amount_fen,
                    }
                    for pay in asked.payments
                ],
            },
        }

    def _sealed(self, text: str | None) -> str | None:
        """Encrypt for WeChat alone, with the key that the request names."""
        if text is None:
            return None
        key = self._held.ring[self._answer_serial].public
        padding = OAEP(MGF1(SHA1()), SHA1(), None)  # noqa: S303  WeChat Pay prescribes it
        return base64.b64encode(key.encrypt(text.encode(), padding)).decode()

    async def _information(self, asked: ToReverse) -> Information | None:
        answer = await self._ask("GET", f"{_application(asked)}?{self._query_of(asked)}")
        if answer.status == 404 and _read(answer, Declined).code in GONE:  # noqa: PLR2004
            return None
        if answer.status != 200:  # noqa: PLR2004
            _decline(answer)
        found = _read(answer, Found).fapiao_information
        return next((one for one in found if one.fapiao_id == asked.invoice.invoice_no), None)

    def _query_of(self, asked: ToReverse) -> str:
        account = asked.seller.provider_account
        return urlencode({"sub_mchid": account, "fapiao_id": asked.invoice.invoice_no})

    async def _ask(
        self, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> HttpAnswer:
        """Send one signed request and return an answer that WeChat has signed."""
        raw = json.dumps(body, ensure_ascii=False).encode() if body is not None else b""
        request = SignedRequest(method, self._base_path + path, raw)
        try:
            answer = await self._client.request(
                method, self._base_url + path, headers=self._headers(request), body=raw
            )
        except PeerUnavailable as error:
            raise ProviderUnavailable("WeChat Pay did not answer.") from error
        self._believe(answer)
        return answer

    def _headers(self, request: SignedRequest) -> dict[str, str]:
        signature = wire.authorization(
            self._held,
            request,
            mchid=self._mchid,
            nonce=secrets.token_hex(16),
            at=self._clock.now(),
        )
        return {
            "Authorization": signature,
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": "OnePark",
            "Wechatpay-Serial": self._answer_serial,
        }

    def _believe(self, answer: HttpAnswer) -> None:
        """Pass only a signed, fresh answer; a refused request signature is answered unsigned."""
        if answer.status == 401:  # noqa: PLR2004
            raise ProviderUnavailable("WeChat Pay refused our signature.")
        if answer.status == TOO_BUSY or answer.status >= SERVER_FAULTS:
            raise ProviderUnavailable(f"WeChat Pay answered {answer.status}.")
        now = self._clock.now()
        try:
            stamp_at = wire.signed_at(answer.headers, answer.body, ring=self._held.ring, now=now)
        except Unproven as error:
            raise ProviderUnavailable(f"An answer proves nothing: {error}") from error
        if not wire.is_fresh(stamp_at, now):
            raise ProviderUnavailable("An answer is outside the window.")


def _item(line: Line, seller: Seller) -> dict[str, object]:
    item = {
        "tax_code": seller.goods_code,
        "goods_name": seller.goods_name,
        "quantity": QUANTITY_ONE,
        "total_amount": line.amount_fen,
        "tax_rate": seller.rate_bp,
        "discount": False,
        "preferential_policy_code": seller.preferential_code,
        "real_estate_leasing_information": {
            "province": line.province,
            "city": line.city,
            "address": line.address,
            "lease_period_start": _instant(line.lease_from_at),
            "lease_period_end": _instant(line.lease_until_at),
            "cross_city_flag": line.cross_city,
            "plate_no": [line.plate],
        },
    }
    return {name: value for name, value in item.items() if value is not None}


def _instant(at: datetime) -> str:
    return at.astimezone(CHINA).isoformat(timespec="seconds")


def _application(asked: ToReverse) -> str:
    return f"{APPLICATIONS}/{quote(asked.invoice.invoice_no, safe='')}"


def _read(answer: HttpAnswer, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ProviderUnavailable("WeChat Pay answered in a form that is not its own.") from error


def _decline(answer: HttpAnswer) -> NoReturn:
    """Pass a refusal on with WeChat's code; its message may name what a client need not see."""
    code = _read(answer, Declined).code
    raise ProviderDeclined(f"WeChat Pay declined: {code}", provider_code=code)
