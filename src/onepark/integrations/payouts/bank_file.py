"""Payouts as a file for the bank: ISO 20022 pain.001.001.09, or CSV.

Owns: the two forms, letter by letter; the same payouts give the same bytes.
Never: decides who is paid, or sends anything.
"""

import csv
import io
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from datetime import datetime

from onepark.contexts.settlement.ports import Payer, PayoutDriver, PayoutFile, Transfer
from onepark.kernel.types import CHINA

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
CLEARING_SYSTEM = "CNAPS"  # the external code of China's national payment system
CURRENCY = "CNY"
PURPOSE = "停车场清分款 parking revenue share"
CSV_FIELDS = (
    *("file_no", "made_on", "payer_account_no", "payout_no", "holder", "account_no", "bank_code"),
    *("amount_yuan", "purpose"),
)


class Iso20022:
    """A customer credit transfer initiation with one block of payments."""

    name = "iso20022"

    def render(
        self, transfers: Sequence[Transfer], payer: Payer, *, file_no: str, made_at: datetime
    ) -> PayoutFile:
        """Return the message; elements stand in the order that the schema asks for."""
        local = made_at.astimezone(CHINA)
        root = ET.Element("Document", xmlns=NAMESPACE)
        body = ET.SubElement(root, "CstmrCdtTrfInitn")
        totals = [("NbOfTxs", str(len(transfers))), ("CtrlSum", _yuan(_total(transfers)))]
        header = ET.SubElement(body, "GrpHdr")
        _texts(header, [("MsgId", file_no), ("CreDtTm", local.isoformat("T", "seconds")), *totals])
        _path(header, "InitgPty/Nm", payer.holder)
        block = ET.SubElement(body, "PmtInf")
        _texts(block, [("PmtInfId", file_no), ("PmtMtd", "TRF"), *totals])
        _path(block, "ReqdExctnDt/Dt", local.date().isoformat())
        _path(block, "Dbtr/Nm", payer.holder)
        _path(block, "DbtrAcct/Id/Othr/Id", payer.account_no)
        _agent(block, "DbtrAgt", payer.bank_code)
        for one in transfers:
            _transfer(block, one)
        text = ET.tostring(root, encoding="utf-8", xml_declaration=True)
        return PayoutFile("application/xml", text)


class BankCsv:
    """One row a payout, for banks that take spreadsheets."""

    name = "bank_csv"

    def render(
        self,
        transfers: Sequence[Transfer],
        payer: Payer,
        *,
        file_no: str,
        made_at: datetime,
    ) -> PayoutFile:
        """Return the rows under a head; amounts in yuan."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(CSV_FIELDS)
        head = (file_no, made_at.astimezone(CHINA).date(), payer.account_no)
        for one in transfers:
            account = (one.holder, one.account_no, one.bank_code)
            writer.writerow((*head, one.payout_no, *account, _yuan(one.amount_fen), PURPOSE))
        return PayoutFile("text/csv; charset=utf-8", out.getvalue().encode("utf-8-sig"))


def drivers() -> dict[str, PayoutDriver]:
    """Return every way to pay out by file."""
    known: tuple[PayoutDriver, ...] = (Iso20022(), BankCsv())
    return {one.name: one for one in known}


def _transfer(block: ET.Element, one: Transfer) -> None:
    entry = ET.SubElement(block, "CdtTrfTxInf")
    _path(entry, "PmtId/EndToEndId", one.payout_no)
    amount = ET.SubElement(ET.SubElement(entry, "Amt"), "InstdAmt", Ccy=CURRENCY)
    amount.text = _yuan(one.amount_fen)
    _agent(entry, "CdtrAgt", one.bank_code)
    _path(entry, "Cdtr/Nm", one.holder)
    _path(entry, "CdtrAcct/Id/Othr/Id", one.account_no)
    _path(entry, "RmtInf/Ustrd", PURPOSE)


def _agent(above: ET.Element, name: str, bank_code: str) -> None:
    institution = ET.SubElement(ET.SubElement(above, name), "FinInstnId")
    member = ET.SubElement(institution, "ClrSysMmbId")
    _path(member, "ClrSysId/Cd", CLEARING_SYSTEM)
    _texts(member, [("MmbId", bank_code)])


def _path(above: ET.Element, path: str, text: str) -> None:
    for name in path.split("/"):
        above = ET.SubElement(above, name)
    above.text = text


def _texts(above: ET.Element, pairs: Iterable[tuple[str, str]]) -> None:
    for name, text in pairs:
        ET.SubElement(above, name).text = text


def _total(transfers: Sequence[Transfer]) -> int:
    return sum(one.amount_fen for one in transfers)


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02}"
