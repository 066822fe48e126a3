"""A file is read to its end, and every fault in it is named with its row and field."""

import json

import pytest

from onepark.contexts.registry import importing
from onepark.contexts.registry.importing import COLUMNS, read_csv, read_json
from onepark.contexts.registry.model import Hours, Refused
from tests.archive import a_lot, a_reading

CODE = "320281001201"
ROW = {
    "operator": "OP-A",
    "operator_name": "甲停车",
    "operator_name_en": "Alpha Parking",
    "lot": CODE,
    "name": "人民路停车场",
    "name_en": "Renmin Road Lot",
    "town": "320281001",
    "address": "人民路1号",
    "lat_wgs84": "31.911",
    "lon_wgs84": "120.263",
    "parking_type": "2",
    "parking_locate": "1",
    "build_type": "1",
    "price_form": "market",
    "plan_key": "t7_taicang",
    "opening_hours": "24h",
    "short_stay": "90",
    "disabled": "2",
    "lanes": f"{CODE}-E1:entry; {CODE}-X1:exit",
    "devices": f"{CODE}-E1-cam={CODE}-E1; {CODE}-X1-cam={CODE}-X1",
}


def a_sheet(*rows: dict[str, str]) -> bytes:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    cells = [columns, *([row.get(name, "") for name in columns] for row in rows)]
    return "\n".join(",".join(f'"{cell}"' for cell in line) for line in cells).encode("utf-8-sig")


def faults(reading) -> list[tuple[int, str]]:
    return [(one.row, one.field) for one in reading.refused]


def test_both_forms_say_the_same():
    operators = [{"code": "OP-A", "name": "甲停车", "name_en": "Alpha Parking"}]
    ours = a_reading(a_lot(), operators=operators)
    theirs = read_csv(a_sheet(ROW))
    assert theirs.refused == ours.refused == ()
    assert [lot for _, lot in theirs.lots] == [lot for _, lot in ours.lots]
    assert [op for _, op in theirs.operators] == [op for _, op in ours.operators]


def test_every_fault_of_every_row_is_named():
    reading = a_reading(
        a_lot(name=7, town="江阴", speed=50),
        a_lot("320281001202"),
        a_lot("32028100120x", lanes=[{"lane": "a b", "direction": "up"}, {"lane": "c"}]),
        a_lot("320281001203", pools={"short_stay": -1, "swimming": 3}, opening_hours="always"),
        a_lot("320281001204", lat_wgs84="31.9", price_form=..., build_type=9),
    )
    assert [row for row, _ in reading.lots] == [2]
    assert faults(reading) == [
        (1, "speed"),
        (1, "name"),
        (1, "town"),
        (3, "lot"),
        (3, "lanes[0].lane"),
        (3, "lanes[1]"),
        (4, "opening_hours"),
        (4, "pools.short_stay"),
        (4, "pools.swimming"),
        (5, "lat_wgs84"),
        (5, "build_type"),
        (5, "price_form"),
    ]


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b"", "file"),
        (b"\xff\xfe", "file"),
        (b"[" * 100_000, "file"),
        (b"[]", "file"),
        (b"{", "file"),
        (b'{"lots": {}}', "lots"),
        (b'{"operators": 1, "lots": []}', "operators"),
        (b'{"lot": []}', "lot"),
    ],
)
def test_what_is_no_document_is_refused_as_a_whole(raw, field):
    reading = read_json(raw)
    assert (reading.lots, faults(reading)) == ((), [(0, field)])


@pytest.mark.parametrize("row", [None, 1, "lot", [], [1]])
def test_a_row_that_is_no_object_is_refused_alone(row):
    reading = read_json(json.dumps({"lots": [row]}).encode())
    assert reading.refused == (Refused("lots", 1, "row", "is not an object"),)


def test_more_rows_or_bytes_than_allowed_are_not_read(monkeypatch):
    monkeypatch.setattr(importing, "ROWS_MAX", 2)
    assert faults(a_reading(*[a_lot()] * 3)) == [(0, "lots")]
    assert faults(read_csv(a_sheet(ROW, ROW, ROW))) == [(0, "file")]
    monkeypatch.setattr(importing, "BYTES_MAX", 10)
    assert faults(read_json(b" " * 11)) == faults(read_csv(b" " * 11)) == [(0, "file")]


def test_progress_is_told_row_by_row():
    seen = []
    raw = json.dumps({"lots": [a_lot(), 7]}).encode()
    read_json(raw, lambda done, total: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2)]


def test_rows_of_a_sheet_count_as_a_spreadsheet_counts_them():
    bad = {**ROW, "lot": "32028100120", "lat_wgs84": "nan", "short_stay": "many"}
    reading = read_csv(a_sheet(ROW, bad))
    assert [row for row, _ in reading.lots] == [2]
    assert faults(reading) == [(3, "lot"), (3, "lat_wgs84"), (3, "pools.short_stay")]


def test_an_empty_line_is_no_row_and_a_short_one_is_refused():
    sheet = a_sheet(ROW) + b'\n,,\n"only"\n'
    reading = read_csv(sheet)
    assert faults(reading) == [(4, "row")]
    assert len(reading.lots) == 1


@pytest.mark.parametrize(
    ("cell", "hours"),
    [
        ("24h", "24h"),
        ("1-5 07:00-22:00", (Hours((1, 2, 3, 4, 5), "07:00", "22:00"),)),
        (
            "1,3 07:00-24:00; 6-7 20:00-06:00",
            (Hours((1, 3), "07:00", "24:00"), Hours((6, 7), "20:00", "06:00")),
        ),
    ],
)
def test_opening_hours_in_a_cell(cell, hours):
    ((_, lot),) = read_csv(a_sheet({**ROW, "opening_hours": cell})).lots
    assert lot.opening_hours == hours


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("opening_hours", "always"),
        ("opening_hours", "0-9 07:00-22:00"),
        ("opening_hours", "1-5 7-22"),
        ("opening_hours", "5-1 07:00-22:00"),
        ("opening_hours", "1-5 07:00"),
        ("lanes", "E1"),
        ("lanes", "E1:in"),
        ("lanes", "E1:entry:maybe"),
        ("lanes", "E1:entry:zone=地下"),
        ("lanes", "E1:entry:zone="),
        ("lanes", "E1:entry:zone=B1:zone=B2"),
        ("lanes", "E1:exit:unconfirmed:unconfirmed"),
        ("lanes", ";"),
        ("devices", "cam"),
        ("devices", "cam=E 1"),
        ("zones", "B1"),
        ("zones", "B1:地下:many"),
        ("name", "a\x07b"),
        ("parking_type", "1.5"),
        ("attached_type", "17"),
        ("plan_key", "T1!"),
    ],
)
def test_a_cell_of_nonsense_is_refused_by_its_column(column, cell):
    (one,) = {(row, name.partition("[")[0]) for row, name in
              faults(read_csv(a_sheet({**ROW, column: cell})))}  # fmt: skip
    assert one == (2, column)


def test_the_zones_behind_lanes_in_a_cell():
    cell = "E1:entry:zone=B1; E2:both:zone=B2:unconfirmed; E3:both:unconfirmed:zone=B2; X1:exit:"
    sheet = a_sheet({**ROW, "lanes": cell, "devices": ""})
    ((_, lot),) = read_csv(sheet).lots
    assert [(lane.lane, lane.zone, lane.confirms_exit) for lane in lot.lanes] == [
        ("E1", "B1", True),
        ("E2", "B2", False),
        ("E3", "B2", False),
        ("X1", None, True),
    ]


@pytest.mark.parametrize("zone", [7, "", "B 1", "B1\n", "x" * 17, ["B1"]])
def test_a_zone_of_a_lane_that_is_no_code_is_refused_by_its_place(zone):
    lanes = [{"lane": "E1", "direction": "entry", "zone": zone}]
    reading = a_reading(a_lot(lanes=lanes, devices=[]))
    assert faults(reading) == [(1, "lanes[0].zone")]


def test_zones_and_unconfirmed_exits_in_cells():
    cells = {"zones": "B1:地下一层:120; B2:地下二层:140", "lanes": "X1:exit:unconfirmed"}
    ((_, lot),) = read_csv(a_sheet({**ROW, **cells, "devices": ""})).lots
    assert [(zone.zone, zone.capacity) for zone in lot.zones] == [("B1", 120), ("B2", 140)]
    assert [(lane.lane, lane.confirms_exit) for lane in lot.lanes] == [("X1", False)]


@pytest.mark.parametrize(
    ("sheet", "refused"),
    [
        (b"", sorted(importing.COLUMNS_NEEDED)),
        (a_sheet({**ROW, "speed": "50"}), ["speed"]),
        (a_sheet(ROW).replace(b'"address"', b'"adress"'), ["adress", "address"]),
        (a_sheet(ROW).replace(b'"disabled"', b'"short_stay"'), ["short_stay"]),
    ],
)
def test_a_wrong_header_is_refused_before_any_row(sheet, refused):
    assert [one.field for one in read_csv(sheet).refused] == refused


@pytest.mark.parametrize("sheet", ["名称".encode("gbk"), b'"open', b"a\x00b", b"x" * 70_000])
def test_what_is_no_sheet_is_refused_as_a_whole(sheet):
    assert read_csv(sheet).lots == ()
    assert read_csv(sheet).refused


def test_one_operator_under_two_names_in_a_sheet_is_kept_for_the_rules_to_refuse():
    other = {**ROW, "lot": "320281001202", "operator_name": "丙停车", "lanes": "", "devices": ""}
    rows = [(row, operator.name) for row, operator in read_csv(a_sheet(ROW, ROW, other)).operators]
    assert rows == [(2, "甲停车"), (4, "丙停车")]


def test_the_columns_are_those_of_the_document():
    assert {"operator_name", "short_stay", "charging", "lanes", "zones"} <= COLUMNS
    assert "pools" not in COLUMNS
