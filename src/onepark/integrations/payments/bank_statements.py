"""Bank statements: ISO 20022 camt.053, and CSV whose columns an operator has named.

Owns: which entries count, the balances that they must lead to, and what a CSV file is told to be.
Never: follows an entity or a document type of XML, or believes a statement that does not add up.
"""

from collections.abc import Callable
from datetime import date, datetime, time
from typing import Annotated
from xml.parsers import expat

from msgspec import Meta, Struct

from onepark.contexts.reconciliation.errors import BillRefused
from onepark.contexts.reconciliation.model import AccountBill, LineKind, Movement
from onepark.integrations.payments import bill_files as files
from onepark.integrations.payments.bill_files import Row, fen_in
from onepark.kernel.types import CHINA, Fen

PROVIDER = "bank"
DEPTH_MAX = 32
TEXT_MAX = 1_024
NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053."
STATEMENT = "Document/BkToCstmrStmt/Stmt"
ENTRY = f"{STATEMENT}/Ntry"
BALANCE = f"{STATEMENT}/Bal"
SIGNS = {"CRDT": 1, "DBIT": -1}
REFERENCES = ("AcctSvcrRef", "NtryRef", "NtryDtls/TxDtls/Refs/EndToEndId")

Column = Annotated[str, Meta(min_length=1, max_length=64)]


class Profile(Struct, frozen=True, forbid_unknown_fields=True):
    """What the columns of a bank's CSV file are called; amounts are one column or two."""

    account: Annotated[str, Meta(min_length=1, max_length=64)]
    booked_on: Column
    reference: Column
    amount: Column = ""  # in is positive
    came: Column = ""
    went: Column = ""
    balance: Column = ""
    day_format: str = "%Y-%m-%d"
    encoding: str = "utf-8"


class _Statement:
    """One Stmt as it is read: its account, its balances and the sum of its entries."""

    def __init__(self) -> None:
        self.account = self.currency = ""
        self.balances: dict[str, tuple[int, str]] = {}
        self.entries_fen = 0

    def demand_whole(self) -> None:
        """Refuse a statement whose entries do not lead from its first balance to its last."""
        opening, closing = self.balances.get("OPBD"), self.balances.get("CLBD")
        opening = opening or self.balances.get("PRCD")
        if opening is None or closing is None:
            raise BillRefused("cut_short", "The statement has no opening or closing balance.")
        if opening[1] != closing[1]:
            raise BillRefused("currency", "The balances are in two currencies.")
        files.demand_equal(
            "totals", "closing balance", told=closing[0], counted=opening[0] + self.entries_fen
        )


class _Camt:
    """Reads camt.053 event by event: what it needs of an element, and nothing of the rest."""

    def __init__(self) -> None:
        self.movements: list[Movement] = []
        self.statement = _Statement()
        self.accounts: set[str] = set()
        self.days: list[date] = []
        self._path: list[str] = []
        self._text = ""
        self._fields: dict[str, str] = {}
        self._currency = ""
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._said
        self.parser.StartDoctypeDeclHandler = _refuse_doctype

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        space, _, local = name.rpartition(" ")
        if not self._path and not (space.startswith(NAMESPACE) and local == "Document"):
            raise BillRefused("form", "The file is no camt.053 statement.")
        if len(self._path) >= DEPTH_MAX:
            raise BillRefused("form", "The statement is nested too deeply.")
        self._path.append(local)
        self._text = ""
        where = "/".join(self._path)
        if where == STATEMENT:
            self.statement = _Statement()
        if where in {ENTRY, BALANCE}:
            self._fields, self._currency = {}, ""
        if where in {f"{ENTRY}/Amt", f"{BALANCE}/Amt"}:
            self._currency = attributes.get("Ccy", "")

    def _said(self, text: str) -> None:
        self._text = (self._text + text)[:TEXT_MAX]

    def _end(self, _name: str) -> None:
        where, text = "/".join(self._path), self._text.strip()
        self._path.pop()
        self._text = ""
        if where.startswith(f"{STATEMENT}/Acct/Id/") and text and not self.statement.account:
            self.statement.account = text
            self.accounts.add(text)
        for base in (ENTRY, BALANCE):
            if where.startswith(f"{base}/") and text:
                self._fields.setdefault(where.removeprefix(f"{base}/"), text)
        done: dict[str, Callable[[], None]] = {
            ENTRY: self._entry,
            BALANCE: self._balance,
            STATEMENT: self.statement.demand_whole,
        }
        if where in done:
            done[where]()

    def _signed_fen(self) -> int:
        sign = SIGNS.get(self._fields.get("CdtDbtInd", ""))
        if sign is None:
            raise BillRefused("word", "An amount is neither a credit nor a debit.")
        amount_fen = fen_in(self._fields.get("Amt", ""), "Amt", self.parser.CurrentLineNumber)
        return sign * amount_fen

    def _balance(self) -> None:
        code = self._fields.get("Tp/CdOrPrtry/Cd", "")
        self.statement.balances.setdefault(code, (self._signed_fen(), self._currency))

    def _entry(self) -> None:
        """Take an entry that is booked; one that only is expected moves nothing."""
        if (self._fields.get("Sts") or self._fields.get("Sts/Cd")) != "BOOK":
            return
        amount_fen, fields = self._signed_fen(), self._fields
        booked = fields.get("BookgDt/Dt") or fields.get("BookgDt/DtTm", "")
        day = _day(booked[:10], "%Y-%m-%d", self.parser.CurrentLineNumber)
        self.statement.entries_fen += amount_fen
        self.days.append(day)
        reference = next((fields[name] for name in REFERENCES if fields.get(name)), "")
        number = f"{self.statement.account}:{len(self.movements) + 1}"
        self.movements.append(
            _movement(
                amount_fen,
                day,
                reference or number,
                currency=self._currency,
                line_no=len(self.movements) + 1,
            )
        )
        if len(self.movements) > files.ROWS_MAX:
            raise BillRefused("too_large", f"The file has more than {files.ROWS_MAX} entries.")


def read_camt053(body: bytes) -> AccountBill:
    """Return the booked entries of the statements of one account."""
    camt = _Camt()
    try:
        for chunk in files.unpacked(body):
            camt.parser.Parse(chunk, False)  # noqa: FBT003  expat's own signature
        camt.parser.Parse(b"", True)  # noqa: FBT003  as above
    except expat.ExpatError as error:
        raise BillRefused("form", "The file is no XML.", line=error.lineno) from error
    if len(camt.accounts) != 1:
        raise BillRefused("form", f"The file is of {len(camt.accounts)} accounts, not of one.")
    day = max(camt.days, default=None)
    return AccountBill(camt.movements, account=camt.accounts.pop(), day=day)


def read_csv(body: bytes, profile: Profile) -> AccountBill:
    """Return the movements of a CSV file; balances, where it has them, must add up."""
    found = files.rows(files.unpacked(body), profile.encoding)
    first = next(found, None)
    if first is None:
        raise BillRefused("cut_short", "The file is empty.")
    names = files.header(first[1])
    rows = [files.named(names, fields, line_no) for line_no, fields in found]
    amounts = [_amount(row, profile) for row in rows]
    if profile.balance:
        _demand_running([row.fen(profile.balance) for row in rows], amounts)
    moved = [
        _movement(
            amount_fen,
            _day(row.text(profile.booked_on)[:10], profile.day_format, row.line_no),
            row.number(profile.reference),
            currency="CNY",
            line_no=row.line_no,
        )
        for row, amount_fen in zip(rows, amounts, strict=True)
    ]
    day = max((one.at.date() for one in moved), default=None)
    return AccountBill(moved, account=profile.account, day=day)


def _amount(row: Row, profile: Profile) -> int:
    if profile.amount:
        return row.fen(profile.amount)
    return abs(row.fen(profile.came)) - abs(row.fen(profile.went))


def _demand_running(balances: list[Fen], amounts: list[int]) -> None:
    """Banks write the newest line first or last: one of the two ways must add up throughout."""
    onward = zip(balances, balances[1:], amounts[1:], strict=False)
    backward = zip(balances[1:], balances, amounts, strict=False)
    if not (
        all(before + moved == after for before, after, moved in onward)
        or all(before + moved == after for before, after, moved in backward)
    ):
        raise BillRefused("totals", "The balances do not follow from the amounts.")


def _day(text: str, form: str, line_no: int) -> date:
    try:
        return datetime.strptime(text, form).replace(tzinfo=CHINA).date()
    except ValueError as error:
        raise BillRefused("time", "A booking has no day.", line=line_no) from error


def _movement(amount_fen: int, day: date, number: str, *, currency: str, line_no: int) -> Movement:
    return Movement(
        provider=PROVIDER,
        kind=LineKind.PAYOUT if amount_fen > 0 else LineKind.OTHER,
        number=number[:64],
        fund_key=number[:64],
        amount_fen=Fen(amount_fen),
        at=datetime.combine(day, time.min, CHINA),
        line_no=line_no,
        currency=currency,
    )


def _refuse_doctype(*_: object) -> None:
    raise BillRefused("form", "The statement declares a document type.")
