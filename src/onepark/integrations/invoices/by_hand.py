"""Documents that a person makes out elsewhere and writes down here.

Owns: which documents that may be.
Never: asks anybody.
"""

from typing import NoReturn

from onepark.contexts.invoices.errors import ProviderDeclined
from onepark.contexts.invoices.model import (
    Document,
    FileFormat,
    InvoiceFile,
    Said,
    ToIssue,
    ToReverse,
    Word,
)


class ByHand:
    """The port of invoices over a person's desk."""

    name = "by_hand"
    documents = frozenset(Document)
    channels: frozenset[str] | None = None
    by_hand = True

    async def issue(self, asked: ToIssue) -> Said:  # noqa: ARG002
        """Nothing is asked of a desk."""
        _nobody()

    async def query(self, asked: ToReverse) -> Said:
        """Say that nothing is known."""
        return Said(asked.invoice.invoice_no, Word.ABSENT)

    async def red_request(self, asked: ToReverse) -> Said:  # noqa: ARG002
        """Nothing is asked of a desk."""
        _nobody()

    async def red_confirm(self, asked: ToReverse) -> Said:
        """Say that nothing is known."""
        return Said(asked.invoice.invoice_no, Word.ABSENT)

    async def red_issue(self, asked: ToReverse) -> Said:  # noqa: ARG002
        """Nothing is asked of a desk."""
        _nobody()

    async def download(self, asked: ToReverse, file_format: FileFormat) -> InvoiceFile | None:  # noqa: ARG002
        """Have no file: the document went another way."""
        return None


def _nobody() -> NoReturn:
    raise ProviderDeclined("A person makes this out.", provider_code="BY_HAND")
