"""Files as providers send them: unpacked within bounds, proven, and cut into rows.

Owns: caps on size, ratio, rows and fields; the SHA-1 of the unpacked file; rows read by the names
of their columns.
Never: believes a file that is cut short, unfolds without end, or has a column too few.
"""

import codecs
import csv
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

from onepark.contexts.reconciliation.errors import BillRefused
from onepark.integrations.payments.money import AmountMalformed, fen_of_bill
from onepark.kernel.types import CHINA, Fen

PACKED_BYTES_MAX = 33_554_432
UNPACKED_BYTES_MAX = 268_435_456
RATIO_MAX = 200  # bills pack about ten to one, a bomb a thousand to one
RATIO_FROM_BYTES = 1_048_576
MEMBERS_MAX = 16
ROWS_MAX = 500_000
CHUNK_BYTES = 65_536
GZIP_MAGIC = b"\x1f\x8b"
GZIP_WBITS = 31
ENCRYPTED = 0x1
STAMP = "%Y-%m-%d %H:%M:%S"
NEXT_TO = timedelta(days=1)

_NUMBER = re.compile(r"[!-~]{1,64}")


class Row(NamedTuple):
    """The fields of a row under the names of their columns."""

    fields: Mapping[str, str]
    line_no: int

    def text(self, name: str) -> str:
        """Return a field; a column that is not there refuses the file."""
        value = self.fields.get(name)
        if value is None:
            raise BillRefused("column", f"There is no column {name}.", line=self.line_no)
        return value

    def number(self, name: str, *, empty: bool = False) -> str:
        """Return a number of a trade or the like: printable, without spaces, not too long."""
        value = self.text(name)
        if (empty and not value) or _NUMBER.fullmatch(value):
            return value
        raise BillRefused("number", f"{name} is no number.", line=self.line_no)

    def fen(self, name: str) -> Fen:
        """Return an amount."""
        return fen_in(self.text(name) or "0", name, self.line_no)

    def at(self, name: str) -> datetime:
        """Return an instant, written as China's wall clock."""
        try:
            stamp = self.text(name).replace("\uff1a", ":")
            return datetime.strptime(stamp, STAMP).replace(tzinfo=CHINA)
        except ValueError as error:
            raise BillRefused("time", f"{name} is no time.", line=self.line_no) from error


def fen_in(text: str, name: str, line_no: int) -> Fen:
    """Return an amount that a file names; anything but whole fen refuses the file."""
    try:
        return fen_of_bill(text)
    except AmountMalformed as error:
        raise BillRefused("amount", f"{name}: {error}.", line=line_no) from error


def demand_day(at: datetime, day: date, line_no: int) -> datetime:
    """Return an instant of the day, or of the one before or after: days are cut at a quarter."""
    if abs(at.astimezone(CHINA).date() - day) > NEXT_TO:
        raise BillRefused("day", f"A line is of {at:%Y-%m-%d}, not of {day}.", line=line_no)
    return at


def demand_equal(reason: str, name: str, *, told: int, counted: int) -> None:
    """Refuse a file whose totals say something else than its lines."""
    if told != counted:
        raise BillRefused(
            reason, f"{name}: the file says {told}, its lines {counted}.", told=told, lines=counted
        )


def unpacked(body: bytes) -> Iterator[bytes]:
    """Yield a file that may be gzipped, never more than the caps allow."""
    if len(body) > PACKED_BYTES_MAX:
        raise BillRefused("too_large", f"The file has {len(body)} bytes.")
    if not body.startswith(GZIP_MAGIC):
        yield body
        return
    unfolding, waiting, total = zlib.decompressobj(GZIP_WBITS), body, 0
    while not unfolding.eof:
        try:
            chunk = unfolding.decompress(waiting, CHUNK_BYTES)
        except zlib.error as error:
            raise BillRefused("packing", "The gzip file is broken.") from error
        waiting, total = unfolding.unconsumed_tail, total + len(chunk)
        _demand_bounded(total, len(body))
        if not chunk and not waiting and not unfolding.eof:
            raise BillRefused("packing", "The gzip file is cut short.")
        yield chunk
    if unfolding.unused_data:
        raise BillRefused("packing", "Something follows the gzip file.")


def _demand_bounded(total: int, packed: int) -> None:
    if total > UNPACKED_BYTES_MAX or (total > RATIO_FROM_BYTES and total > RATIO_MAX * packed):
        raise BillRefused("bomb", "The file unfolds to too much.")


def members(body: bytes) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield the files of a zip archive whose names may be in GBK."""
    if len(body) > PACKED_BYTES_MAX:
        raise BillRefused("too_large", f"The file has {len(body)} bytes.")
    try:
        archive = zipfile.ZipFile(io.BytesIO(body))
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise BillRefused("packing", "The zip archive is broken.") from error
    with archive:
        infos = archive.infolist()
        if len(infos) > MEMBERS_MAX or any(one.flag_bits & ENCRYPTED for one in infos):
            raise BillRefused("packing", "The zip archive holds too many files or locked ones.")
        for info in infos:
            yield _name(info), _member(archive, info, packed=len(body))


def _name(info: zipfile.ZipInfo) -> str:
    """Undo the reading of a GBK name as code page 437."""
    try:
        return info.filename.encode("cp437").decode("gbk")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return info.filename


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, *, packed: int) -> Iterator[bytes]:
    total = 0
    try:
        with archive.open(info) as file:
            while chunk := file.read(CHUNK_BYTES):
                total += len(chunk)
                _demand_bounded(total, packed)
                yield chunk
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise BillRefused("packing", "A file of the zip archive is broken.") from error


def proven(chunks: Iterable[bytes], sha1: str | None) -> Iterator[bytes]:
    """Yield the chunks, and refuse the file at its end if its SHA-1 is another one."""
    digest = hashlib.sha1(usedforsecurity=False)
    for chunk in chunks:
        digest.update(chunk)
        yield chunk
    if sha1 is not None and digest.hexdigest() != sha1.lower():
        raise BillRefused("sha1", "The SHA-1 of the file is not the one that was announced.")


def rows(chunks: Iterable[bytes], encoding: str) -> Iterator[tuple[int, list[str]]]:
    """Yield rows with the numbers of their lines; lines end as they like, empty ones are left."""
    reader = csv.reader(_lines(chunks, encoding))
    try:
        for count, fields in enumerate(reader):
            if count > ROWS_MAX:
                raise BillRefused("too_large", f"The file has more than {ROWS_MAX} rows.")
            if fields and any(map(str.strip, fields)):
                yield reader.line_num, fields
    except csv.Error as error:
        raise BillRefused("form", "A line is no row.", line=reader.line_num) from error


def _lines(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """Yield decoded lines with their ends, however the chunks are cut."""
    decoder, rest, first = codecs.getincrementaldecoder(encoding)(), "", True
    for chunk in _ended(chunks):
        try:
            rest += decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            raise BillRefused("encoding", f"The file is not in {encoding}.") from error
        if first and rest:
            rest, first = rest.removeprefix("\ufeff"), False
        lines = rest.split("\n")
        rest = lines.pop()
        yield from (f"{line}\n" for line in lines)
        if len(rest) > UNPACKED_BYTES_MAX // 64:
            raise BillRefused("form", "A line has no end.")
    if rest:
        yield rest


def _ended(chunks: Iterable[bytes]) -> Iterator[bytes]:
    yield from (chunk for chunk in chunks if chunk)
    yield b""


def header(names: list[str]) -> list[str]:
    """Return the names of columns; their order may change, none may come twice."""
    cleaned = [plain(name).replace("\uff08", "(").replace("\uff09", ")") for name in names]
    if len(set(cleaned)) != len(cleaned):
        raise BillRefused("column", "A column comes twice.")
    return cleaned


def plain(field: str) -> str:
    """Return a field without the back-tick and tabs that keep spreadsheets from rounding it."""
    return field.strip().removeprefix("`").strip()


def named(names: list[str], fields: list[str], line_no: int) -> Row:
    """Return a row under the names of its columns; one too short or too long refuses the file."""
    if len(fields) != len(names):
        raise BillRefused("form", f"A row has {len(fields)} of {len(names)} fields.", line=line_no)
    return Row(dict(zip(names, map(plain, fields), strict=True)), line_no)
