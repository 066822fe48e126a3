"""Rows of a day as a provider would bill them, and the files around them."""

import io
import zipfile
from datetime import date, datetime, timedelta

from onepark.contexts.reconciliation.model import Fetched
from onepark.kernel.types import CHINA
from onepark.simulator.providers import bills
from onepark.simulator.providers.bills import BillRow
from onepark.simulator.providers.keys import ALIPAY_SELLER_ID, MCHID
from tests.adapters.support import VECTORS

DAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=CHINA)
BILLS = VECTORS / "bills"
MERCHANT, SELLER = MCHID, ALIPAY_SELLER_ID


def a_row(number: int = 1, **changes: object) -> BillRow:
    values: dict[str, object] = {
        "txn": f"42000002632026112{number:011d}",
        "out_trade_no": f"T{number:019d}",
        "amount_fen": 305,
        "at": NOON + timedelta(seconds=number),
        "fee_fen": 2,
    }
    return BillRow(**(values | changes))  # type: ignore[arg-type]


def a_refund(number: int = 1, **changes: object) -> BillRow:
    row = {"refund_id": f"5000{number:010d}", "refund_no": f"R{number:019d}", "fee_fen": -1}
    return a_row(number, **(row | changes))


def wechat_trades(*rows: BillRow, **options: int) -> Fetched:
    text = bills.wechat_trades(rows, **options)
    return Fetched(bills.packed(text), bills.sha1(text))


def zipped(text: str, name: str = "明细.csv", encoding: str = "gbk") -> Fetched:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text.encode(encoding))
    return Fetched(buffer.getvalue())
