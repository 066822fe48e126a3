"""A bank takes the file: elements stand where pain.001.001.09 has them, and sums agree."""

import csv
import io
import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime

from onepark.contexts.settlement.ports import Payer, Transfer
from onepark.integrations.payouts.bank_file import NAMESPACE, BankCsv, Iso20022

PAYER = Payer("公用事业集团", "1103020019000012345", "102302200016")
TRANSFERS = [
    Transfer("PO1", 25_000, "青阳镇 <资产> & 经营公司", "6222021001116245702", "102302200015"),
    Transfer("PO2", 5, "投资方", "6222021001116245703", "105302200015"),
]
MADE_AT = datetime(2026, 5, 1, 17, 30, tzinfo=UTC)

# What the published definition of pain.001.001.09 allows below each element that we write, in its
# order; a star may come again, and what is obligatory has a plus.
ALLOWED = {
    "Document": "CstmrCdtTrfInitn+",
    "CstmrCdtTrfInitn": "GrpHdr+ PmtInf+* SplmtryData*",
    "GrpHdr": "MsgId+ CreDtTm+ Authstn* NbOfTxs+ CtrlSum InitgPty+ FwdgAgt InitnSrc",
    "InitgPty": "Nm PstlAdr Id CtryOfRes CtctDtls",
    "PmtInf": "PmtInfId+ PmtMtd+ ReqdAdvcTp BtchBookg NbOfTxs CtrlSum PmtTpInf ReqdExctnDt+ "
    "PoolgAdjstmntDt Dbtr+ DbtrAcct+ DbtrAgt+ DbtrAgtAcct InstrForDbtrAgt UltmtDbtr ChrgBr "
    "ChrgsAcct ChrgsAcctAgt CdtTrfTxInf+*",
    "ReqdExctnDt": "Dt DtTm",
    "Dbtr": "Nm PstlAdr Id CtryOfRes CtctDtls",
    "Cdtr": "Nm PstlAdr Id CtryOfRes CtctDtls",
    "DbtrAcct": "Id Tp Ccy Nm Prxy",
    "CdtrAcct": "Id Tp Ccy Nm Prxy",
    "Id": "IBAN Othr",
    "Othr": "Id+ SchmeNm Issr",
    "DbtrAgt": "FinInstnId+ BrnchId",
    "CdtrAgt": "FinInstnId+ BrnchId",
    "FinInstnId": "BICFI ClrSysMmbId LEI Nm PstlAdr Othr",
    "ClrSysMmbId": "ClrSysId MmbId+",
    "ClrSysId": "Cd Prtry",
    "CdtTrfTxInf": "PmtId+ PmtTpInf Amt+ XchgRateInf ChrgBr MndtRltdInf ChqInstr UltmtDbtr "
    "IntrmyAgt1 IntrmyAgt1Acct IntrmyAgt2 IntrmyAgt2Acct IntrmyAgt3 IntrmyAgt3Acct CdtrAgt "
    "CdtrAgtAcct Cdtr CdtrAcct UltmtCdtr InstrForCdtrAgt* InstrForDbtrAgt Purp RgltryRptg* Tax "
    "RltdRmtInf* RmtInf SplmtryData*",
    "PmtId": "InstrId EndToEndId+ UETR",
    "Amt": "InstdAmt EqvtAmt",
    "RmtInf": "Ustrd* Strd*",
}
OFTEN = {"": "?", "*": "*", "+": "", "+*": "+"}
TEXTS = {
    "MsgId": r".{1,35}",
    "PmtInfId": r".{1,35}",
    "EndToEndId": r".{1,35}",
    "CreDtTm": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00",
    "NbOfTxs": r"[0-9]{1,15}",
    "CtrlSum": r"\d{1,16}\.\d\d",
    "InstdAmt": r"\d{1,13}\.\d\d",
    "PmtMtd": "TRF",
    "Dt": r"\d{4}-\d\d-\d\d",
    "Nm": r".{1,140}",
    "Cd": r".{1,5}",
    "MmbId": r".{1,28}",
    "Ustrd": r".{1,140}",
}


def flaws(element: ET.Element) -> list[str]:
    """What the schema would say, element by element."""
    name = element.tag.removeprefix(f"{{{NAMESPACE}}}")
    children = [child.tag.removeprefix(f"{{{NAMESPACE}}}") for child in element]
    found = [flaw for child in element for flaw in flaws(child)]
    if not children:
        pattern = TEXTS.get(name, r".{1,34}")
        return found + ([] if re.fullmatch(pattern, element.text or "") else [f"text of {name}"])
    rule = "".join(
        f"(?:{word.rstrip('*+')} )" + OFTEN[word[len(word.rstrip("*+")) :]]
        for word in ALLOWED[name].split()
    )
    if re.fullmatch(rule, "".join(f"{child} " for child in children)) is None:
        found.append(f"below {name}: {children}")
    return found


def rendered() -> bytes:
    return Iso20022().render(TRANSFERS, PAYER, file_no="PF1", made_at=MADE_AT).content


def texts(root: ET.Element, name: str) -> list[str | None]:
    return [one.text for one in root.iter(f"{{{NAMESPACE}}}{name}")]


def test_elements_stand_in_the_order_of_the_schema():
    assert flaws(ET.fromstring(rendered())) == []


def test_a_wrong_order_is_found():
    root = ET.fromstring(rendered())
    header = root[0][0]
    header[:] = list(reversed(header))
    assert flaws(root) != []


def test_a_missing_element_is_found():
    root = ET.fromstring(rendered())
    root[0][0].remove(root[0][0][0])
    assert flaws(root) != []


def test_amounts_accounts_and_sums():
    root = ET.fromstring(rendered())
    assert texts(root, "InstdAmt") == ["250.00", "0.05"]
    assert texts(root, "CtrlSum") == ["250.05", "250.05"]
    assert texts(root, "NbOfTxs") == ["2", "2"]
    assert texts(root, "EndToEndId") == ["PO1", "PO2"]
    assert texts(root, "MmbId") == ["102302200016", "102302200015", "105302200015"]
    assert texts(root, "Dt") == ["2026-05-02"]
    assert "青阳镇 <资产> & 经营公司" in texts(root, "Nm")


def test_the_same_payouts_give_the_same_bytes():
    assert rendered() == rendered()


def test_csv_holds_a_row_a_payout():
    made = BankCsv().render(TRANSFERS, PAYER, file_no="PF1", made_at=MADE_AT)
    rows = list(csv.DictReader(io.StringIO(made.content.decode("utf-8-sig"))))
    assert [(row["payout_no"], row["amount_yuan"]) for row in rows] == [
        ("PO1", "250.00"),
        ("PO2", "0.05"),
    ]
    assert {row["payer_account_no"] for row in rows} == {PAYER.account_no}
