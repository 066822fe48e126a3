"""Files are unpacked within bounds, and what is broken is refused with its reason."""

import gzip
import io
import zipfile

import pytest

from onepark.contexts.reconciliation.errors import BillRefused
from onepark.integrations.payments import bill_files as files

TWO_MIB = 2_097_152


def refusal(work) -> str:
    with pytest.raises(BillRefused) as refused:
        work()
    return refused.value.reason


def unpack(body: bytes) -> bytes:
    return b"".join(files.unpacked(body))


def test_a_gzip_bomb_is_left_before_it_has_unfolded():
    bomb = gzip.compress(b"\0" * 64 * TWO_MIB)
    assert len(bomb) < TWO_MIB
    unfolded = 0

    def count() -> None:
        nonlocal unfolded
        for chunk in files.unpacked(bomb):
            unfolded += len(chunk)

    assert refusal(count) == "bomb"
    assert unfolded < 64 * TWO_MIB / 2, "it was stopped on the way"


def test_a_bomb_in_a_zip_is_left_as_well():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.csv", b"\0" * 16 * TWO_MIB)

    def read() -> None:
        for _, chunks in files.members(buffer.getvalue()):
            list(chunks)

    assert refusal(read) == "bomb"


def test_what_packs_well_and_is_small_is_no_bomb():
    assert len(unpack(gzip.compress(b"0.01,\n" * 100_000))) == 600_000


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(b"x" * 1_000)[:-4],
        gzip.compress(b"x" * 100_000)[:60],
        gzip.compress(b"x") + b"more",
        b"\x1f\x8b" + b"nonsense",
    ],
    ids=["no trailer", "half", "something behind", "no gzip"],
)
def test_a_broken_gzip_file_is_refused(body):
    assert refusal(lambda: unpack(body)) == "packing"


@pytest.mark.parametrize("body", [b"", b"PK", b"PK\x03\x04" + b"\0" * 60])
def test_a_broken_zip_is_refused(body):
    assert refusal(lambda: list(files.members(body))) == "packing"


def test_rows_are_the_same_however_the_bytes_are_cut():
    text = '\ufeff交易时间,金额\r\n`甲,`1.00\r\n\r\n"乙,丙",2.00'.encode()
    whole = list(files.rows([text], "utf-8"))
    assert whole == [(1, ["交易时间", "金额"]), (2, ["`甲", "`1.00"]), (4, ["乙,丙", "2.00"])]
    for size in (1, 2, 3, 7):
        chunks = [text[start : start + size] for start in range(0, len(text), size)]
        assert list(files.rows(chunks, "utf-8")) == whole


def test_bytes_of_another_encoding_are_refused():
    assert refusal(lambda: list(files.rows(["账单".encode("gbk")], "utf-8"))) == "encoding"


def test_a_quote_that_never_ends_is_refused():
    endless = b'a,b\n"' + b"x\n" * 200_000
    assert refusal(lambda: list(files.rows([endless], "utf-8"))) == "form"


@pytest.mark.parametrize("text", ["1e2", "0.001", "1,000.00", "+1.00", "--1.00", "٣.00", "", "0x1"])
def test_an_amount_that_is_no_whole_fen_is_refused(text):
    assert refusal(lambda: files.fen_in(text, "订单金额", 7)) == "amount"


@pytest.mark.parametrize(
    ("text", "fen"), [("0.01000", 1), ("-0.12", -12), ("19.99", 1999), ("0", 0), ("3.1", 310)]
)
def test_an_amount_is_converted_exactly(text, fen):
    assert files.fen_in(text, "订单金额", 7) == fen
