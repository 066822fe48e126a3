"""Reading an archive from a file.

Owns: the JSON document, the CSV columns, and naming every field that cannot be read.
Never: touches the database, or stops at the first fault.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import fields as fields_of

from onepark.contexts.registry.model import LotFiling, OperatorFiling, Reading, Refused
from onepark.kernel.types import Pool

BYTES_MAX = 64 * 1024 * 1024
ROWS_MAX = 10_000
CELL_CHARS_MAX = 65_536
REFUSED_MAX = 10_000  # a file that is wrong in every cell is still answered with a bounded report

FILE_ROW = 0
HEADER_ROW = 1

OPERATOR_COLUMNS = {"operator": "code", "operator_name": "name", "operator_name_en": "name_en"}
POOL_COLUMNS = tuple(pool.value for pool in Pool)
COLUMNS_NEEDED = {field.encode_name for field in fields_of(LotFiling) if field.required} - {
    "pools"
} | {Pool.SHORT_STAY.value}
COLUMNS = {
    *OPERATOR_COLUMNS,
    *POOL_COLUMNS,
    *(field.encode_name for field in fields_of(LotFiling)),
} - {"pools"}

_WHERE = re.compile(r"(?P<reason>.*?)(?: - at `(?:key` in `)?\$(?P<path>.*)`)?", re.DOTALL)

T = TypeVar("T", bound=Struct)
Tick: TypeAlias = Callable[[int, int], None]  # rows done, rows in all


def nobody_watches(done: int, total: int) -> None:
    """Take notice of no progress."""


def read_json(raw: bytes, tick: Tick = nobody_watches) -> Reading:
    """Read ``{"operators": […], "lots": […]}``; rows count from 1 in each list."""
    if len(raw) > BYTES_MAX:
        return _of_file("file", f"is larger than {BYTES_MAX} bytes")
    try:
        document = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _of_file("file", f"is no JSON document: {error}")
    if not isinstance(document, dict):
        return _of_file("file", "is not an object with operators and lots")
    faults = tuple(_faults_of_document(document))
    if faults:
        return Reading(refused=faults)
    operators, against = _filings(
        OperatorFiling, list(enumerate(document.get("operators", []), 1)), section="operators"
    )
    lots, more = _filings(
        LotFiling, list(enumerate(document.get("lots", []), 1)), section="lots", tick=tick
    )
    return Reading(operators, lots, (*against, *more)[:REFUSED_MAX])


def read_csv(raw: bytes, tick: Tick = nobody_watches) -> Reading:
    """Read one lot a row under ``COLUMNS``; rows count as a spreadsheet does, the header is 1."""
    if len(raw) > BYTES_MAX:
        return _of_file("file", f"is larger than {BYTES_MAX} bytes")
    csv.field_size_limit(CELL_CHARS_MAX)
    try:
        rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""), strict=True))
    except UnicodeDecodeError:
        return _of_file("file", "is not UTF-8; save it as CSV UTF-8")
    except csv.Error as error:
        return _of_file("file", f"is no CSV: {error}")
    if len(rows) - 1 > ROWS_MAX:
        return _of_file("file", f"has more than {ROWS_MAX} rows")
    header = [name.strip() for name in rows[0]] if rows else []
    faults = tuple(_faults_of_header(header))
    return Reading(refused=faults) if faults else _read_rows(header, rows[1:], tick=tick)


def _faults_of_document(document: dict[str, Any]) -> Iterator[Refused]:
    for name in sorted(set(document) - {"operators", "lots"}):
        yield Refused("file", FILE_ROW, name, "is not a known field")
    for name in ("operators", "lots"):
        rows = document.get(name, [])
        if not isinstance(rows, list) or len(rows) > ROWS_MAX:
            yield Refused("file", FILE_ROW, name, f"is not a list of at most {ROWS_MAX} rows")


def _faults_of_header(header: Sequence[str]) -> Iterator[Refused]:
    for name in sorted(set(header) - COLUMNS):
        yield Refused("file", HEADER_ROW, name, "is not a known column")
    for name in sorted(COLUMNS_NEEDED - set(header)):
        yield Refused("file", HEADER_ROW, name, "is missing")
    for name in sorted({name for name in header if header.count(name) > 1}):
        yield Refused("file", HEADER_ROW, name, "stands twice")


def _read_rows(header: Sequence[str], rows: Sequence[list[str]], *, tick: Tick) -> Reading:
    refused: list[Refused] = []
    good: list[tuple[int, dict[str, str]]] = []
    for number, cells in enumerate(rows, HEADER_ROW + 1):
        if not any(cells):
            continue
        if len(cells) != len(header):
            refused.append(Refused("lots", number, "row", f"has {len(cells)} cells"))
            continue
        named = zip(header, (cell.strip() for cell in cells), strict=True)
        good.append((number, {name: cell for name, cell in named if cell}))
    operators, against = _filings(OperatorFiling, _operators_of(good), section="operators")
    lots, more = _filings(
        LotFiling,
        [(row, _lot_of(cells)) for row, cells in good],
        section="lots",
        strict=False,
        tick=tick,
    )
    return Reading(operators, lots, (*refused, *against, *more)[:REFUSED_MAX])


def _operators_of(rows: Sequence[tuple[int, dict[str, str]]]) -> list[tuple[int, Any]]:
    """Return each operator that is named, once for every different wording."""
    seen: dict[tuple[tuple[str, str], ...], int] = {}
    for row, cells in rows:
        named = {
            ours: cells[theirs] for theirs, ours in OPERATOR_COLUMNS.items() if theirs in cells
        }
        if set(named) - {"code"}:
            seen.setdefault(tuple(named.items()), row)
    return [(row, dict(named)) for named, row in seen.items()]


def _lot_of(cells: dict[str, str]) -> dict[str, Any]:
    """Return one row in the shape of the JSON document."""
    left_out = (set(OPERATOR_COLUMNS) - {"operator"}) | set(POOL_COLUMNS)
    lot: dict[str, Any] = {name: cell for name, cell in cells.items() if name not in left_out}
    lot["pools"] = {name: cells[name] for name in POOL_COLUMNS if name in cells}
    for name, split in (
        ("opening_hours", _split_hours),
        ("zones", _split_zones),
        ("lanes", _split_lanes),
        ("devices", _split_devices),
    ):
        if name in lot:
            lot[name] = split(lot[name])
    return lot


def _split_hours(cell: str) -> Any:
    """Read ``24h`` or ``1-5 07:00-22:00; 6,7 08:00-20:00``."""
    return cell if cell == "24h" else [_hours(part) for part in cell.split(";")]


def _hours(part: str) -> Any:
    days, _, times = part.strip().partition(" ")
    first, dash, until = times.strip().partition("-")
    if not dash or not re.fullmatch(r"[1-7]([-,][1-7])*", days):
        return part  # no span: the refusal shows what stands there
    named: list[int] = []
    for span in days.split(","):
        low, _, high = span.partition("-")
        named.extend(range(int(low), int(high or low) + 1))
    return {"days": named, "from": first.strip(), "until": until.strip()}


def _split_zones(cell: str) -> list[Any]:
    """Read ``B1:地下一层:120; B2:地下二层:140``."""
    parts = (part.strip().split(":") for part in cell.split(";"))
    return [dict(zip(("zone", "name", "capacity"), part, strict=False)) for part in parts]


def _split_lanes(cell: str) -> list[Any]:
    """Read ``…-E1:entry:zone=B1; …-X1:exit; …-X2:exit:unconfirmed``."""
    return [_lane(*part.strip().split(":")) for part in cell.split(";")]


def _lane(name: str, direction: str = "", *marks: str) -> Any:
    lane: dict[str, Any] = {"lane": name, "direction": direction}
    for mark in filter(None, marks):
        named = mark.startswith("zone=")
        field = "zone" if named else "confirms_exit"
        value = mark.removeprefix("zone=") if named else mark != "unconfirmed" and mark
        lane[field] = mark if field in lane else value  # what stands twice is read as neither
    return lane


def _split_devices(cell: str) -> list[Any]:
    """Read ``device=lane; device=lane,lane``."""
    parts = (part.strip().partition("=") for part in cell.split(";"))
    return [
        {"device": name, "lanes": [lane.strip() for lane in lanes.split(",")]}
        for name, _, lanes in parts
    ]


def _filings(
    kind: type[T],
    rows: Sequence[tuple[int, Any]],
    *,
    section: str,
    strict: bool = True,
    tick: Tick = nobody_watches,
) -> tuple[tuple[tuple[int, T], ...], list[Refused]]:
    """Return the readable rows, and every unreadable field of the others."""
    good: list[tuple[int, T]] = []
    refused: list[Refused] = []
    for done, (number, raw) in enumerate(rows, 1):
        try:
            good.append((number, msgspec.convert(raw, kind, strict=strict)))
        except msgspec.ValidationError:
            faults = _faults(kind, raw, strict=strict)
            refused.extend(Refused(section, number, field, reason) for field, reason in faults)
        tick(done, len(rows))
    return tuple(good), refused


def _faults(kind: type[Struct], raw: Any, *, strict: bool) -> Iterator[tuple[str, str]]:
    """Yield field and reason for everything that is wrong with one row."""
    if not isinstance(raw, dict):
        yield "row", "is not an object"
        return
    fields = {field.encode_name: field for field in fields_of(kind)}
    for name in sorted(set(map(str, raw)) - set(fields)):
        yield name, "is not a known field"
    for name, field in fields.items():
        if name in raw:
            yield from _faults_of_value(raw[name], field.type, name=name, strict=strict)
        elif field.required:
            yield name, "is missing"


def _faults_of_value(
    value: Any, wanted: Any, *, name: str, strict: bool
) -> Iterator[tuple[str, str]]:
    """Yield the faults of one field; of a list or an object, those of each of its items."""
    items: list[tuple[str, Any]] = []
    if isinstance(value, list):
        items = [(f"[{index}]", [item]) for index, item in enumerate(value)]
    elif isinstance(value, dict):
        items = [(f".{key}", {key: item}) for key, item in value.items()]
    found = [
        (name + place + path, reason)
        for place, part in items
        for path, reason in _fault(part, wanted, strict=strict)
    ]
    if not found:
        found = [(name + path, reason) for path, reason in _fault(value, wanted, strict=strict)]
    yield from found


def _fault(value: Any, wanted: Any, *, strict: bool) -> list[tuple[str, str]]:
    """Return the first fault of a value: where in it, and why."""
    try:
        msgspec.convert(value, wanted, strict=strict)
    except msgspec.ValidationError as error:
        where = _WHERE.fullmatch(str(error))
        reason, path = (where["reason"], where["path"] or "") if where else (str(error), "")
        return [(re.sub(r"^\[[^]]*\]", "", path), reason)]
    return []


def _of_file(field: str, reason: str) -> Reading:
    return Reading(refused=(Refused("file", FILE_ROW, field, reason),))
