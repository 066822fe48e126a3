"""The snapshot answers by public code and by our own key."""

# Ids are written as plain text here.
# mypy: disable-error-code="arg-type, index, dict-item"

from onepark.contexts.registry.directory import Directory
from onepark.contexts.registry.model import Device, DeviceSecret, Direction, Lane

LANES = [
    Lane("b", 7, Direction.EXIT, confirms_exit=True),
    Lane("a", 7, Direction.ENTRY, confirms_exit=True),
]
CAMERA = Device("cam", 7, 1, frozenset({"a"}), (DeviceSecret(b"key of the camera", None),))


def test_what_is_there_is_found_and_what_is_not_is_none():
    directory = Directory(version=3, lanes=LANES, devices=[CAMERA])
    assert directory.device("cam") is CAMERA
    assert directory.lane("a") is LANES[1]
    assert [lane.lane for lane in directory.lanes_of(7)] == ["a", "b"]
    assert directory.version == 3
    absent = (directory.lot("x"), directory.lot_by_id(1), directory.lane("x"),
              directory.device("x"), directory.operator(1))  # fmt: skip
    assert absent == (None,) * 5
    assert (directory.lanes_of(8), directory.lots(), directory.operators()) == ((), (), ())


def test_a_printed_device_shows_no_key():
    assert "key of the camera" not in f"{CAMERA!r} {CAMERA}"
