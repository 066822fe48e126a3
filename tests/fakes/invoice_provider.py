"""A provider of invoices that believes anybody, and remembers what it made out.

Owns: what was really made out and taken back, by number, and how the provider behaves.
"""

from dataclasses import dataclass, field

from onepark.contexts.invoices.errors import ProviderDeclined, ProviderUnavailable
from onepark.contexts.invoices.model import (
    Document,
    FileFormat,
    InvoiceFile,
    Said,
    ToIssue,
    ToReverse,
    Word,
)
from onepark.kernel.types import Fen


@dataclass
class MadeOut:
    """One invoice there."""

    asked: ToIssue
    number: str
    word: Word
    red_number: str | None = None


@dataclass
class OpenProvider:
    """Makes out each number once, at the second look."""

    name: str = "open"
    documents: frozenset[Document] = frozenset(Document)
    channels: frozenset[str] | None = None
    by_hand: bool = False
    books: dict[str, MadeOut] = field(default_factory=dict)
    issues: int = 0
    loses: int = 0  # requests that get lost before they are booked
    silent: int = 0  # answers that get lost after it
    slow: bool = False  # accepted, and not made out
    refuses_red: bool = False
    refusal: Exception | None = None
    more_fen: int = 0  # by which it speaks of another amount

    async def issue(self, asked: ToIssue) -> Said:
        self.issues += 1
        if self.loses:
            self.loses -= 1
            raise ProviderUnavailable("the request got lost")
        if self.refusal is not None:
            raise self.refusal
        number = asked.invoice.invoice_no
        if number not in self.books:
            assert sum(pay.amount_fen for pay in asked.payments) >= asked.invoice.total_fen
            digits = f"26322{len(self.books):015}"
            self.books[number] = MadeOut(asked, digits, Word.ACCEPTED)
        if self.silent:
            self.silent -= 1
            raise ProviderUnavailable("the answer got lost")
        return Said(number, Word.ACCEPTED)

    async def query(self, asked: ToReverse) -> Said:
        made = self.books.get(asked.invoice.invoice_no)
        if made is None:
            return Said(asked.invoice.invoice_no, Word.ABSENT)
        if made.word == Word.ACCEPTED and not self.slow:
            made.word = Word.ISSUED
        return self._said(made)

    async def red_request(self, asked: ToReverse) -> Said:
        made = self.books[asked.invoice.invoice_no]
        if self.refuses_red:
            return Said(asked.invoice.invoice_no, Word.RED_REFUSED)
        made.word = Word.RED_CONFIRMED
        return self._said(made)

    async def red_confirm(self, asked: ToReverse) -> Said:
        return self._said(self.books[asked.invoice.invoice_no])

    async def red_issue(self, asked: ToReverse) -> Said:
        made = self.books[asked.invoice.invoice_no]
        made.word, made.red_number = Word.REVERSED, f"9{made.number[1:]}"
        return self._said(made)

    async def download(self, asked: ToReverse, file_format: FileFormat) -> InvoiceFile | None:
        made = self.books.get(asked.invoice.invoice_no)
        if made is None or file_format != FileFormat.PDF:
            return None
        return InvoiceFile("application/pdf", b"%PDF-" + made.number.encode())

    def stands_fen(self) -> int:
        """What is made out and not taken back."""
        return sum(
            one.asked.invoice.total_fen for one in self.books.values() if one.word != Word.REVERSED
        )

    def _said(self, made: MadeOut) -> Said:
        invoice = made.asked.invoice
        issued = made.word != Word.ACCEPTED
        total = Fen(invoice.total_fen + self.more_fen)
        return Said(
            invoice.invoice_no,
            made.word,
            number=made.number if issued else None,
            total_fen=total,
            red_number=made.red_number,
        )


DECLINED = ProviderDeclined("no", provider_code="TAX_ID_UNKNOWN")
