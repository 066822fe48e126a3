import io
import logging
from collections.abc import Iterator
from urllib.parse import quote

import orjson
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from onepark.infra.log import MASK, PHONE, PHONE_MASK, PLATE, mask_plates, request_id
from tests.fakes.log import kept_log, written

CANARIES = [
    "苏B12345",
    "苏BD12345",
    "苏B·12345",
    "苏B 12345",
    "苏b12345",
    "京AF0236挂",
    "粤Z1234港",
    "粤ZA123澳",
    "苏B1234学",
    "苏O1234警",
    "WJ苏1234X",
    "使014578",
    "沪A1234领",
]


PHONES = ["13800138000", "+86 138 0013 8000", "139-1234-5678", "8618612345678"]


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Where the log goes during a test."""
    with kept_log() as out:
        yield out


@pytest.mark.parametrize("plate", CANARIES)
def test_no_plate_survives_wherever_it_stands(lines, plate):
    escaped = orjson.dumps(plate).decode()
    ascii_json = plate.encode("unicode_escape").decode()
    log = structlog.get_logger()
    said = f"seen {plate} at the gate"
    log.info(said, plate=plate, deep={"cars": [(plate, {plate: 1})]})
    log.info("url", path=f"/v1/dues?plate={quote(plate)}", body=plate.encode(), text=escaped)
    log.info("escaped", text=ascii_json, thing=ValueError(plate))
    log.error("failed", exc_info=ValueError(f"no stay of {plate}"))
    logging.getLogger("library").warning("about %s", plate)
    said = lines.getvalue()
    assert len(written(lines)) == 5
    for form in {plate, quote(plate), ascii_json, plate[1:6]}:
        assert form not in said
    assert MASK in said


@pytest.mark.parametrize("phone", PHONES)
def test_no_mobile_number_survives_either(lines, phone):
    structlog.get_logger().info("http.refused", staff=phone, text=f"call {phone}, please")
    assert written(lines)[0]["staff"] == PHONE_MASK
    assert phone not in lines.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "P1380013800ABC",
        "1764395362000",
        "320281001101",
        "320281001101-E1",
        "江苏省江阴市",
        "苏州路 12 号",
        "2026-11-22T08:30:00Z",
        "GET /v1/vacancies/320281001101 200",
        "EVALSHA 3f786850e387550fdab836ed7e6dc881de23001b",
    ],
)
def test_what_is_no_plate_is_left_alone(text):
    assert mask_plates(text) == text


@given(st.text("苏WJABC0123456789·-_ +%\\ue8B", max_size=24))
def test_a_text_that_is_looked_at_in_short_is_masked_as_any_other(text):
    assert mask_plates(text) == PHONE.sub(PHONE_MASK, PLATE.sub(MASK, text))


def test_a_line_names_its_request_level_and_time(lines):
    token = request_id.set("r-1")
    structlog.get_logger().warning("gate.busy", waiting=3)
    request_id.reset(token)
    (line,) = written(lines)
    assert line.pop("timestamp")
    assert line == {"event": "gate.busy", "level": "warning", "request_id": "r-1", "waiting": 3}


def test_a_value_that_has_no_json_form_is_written_all_the_same(lines):
    structlog.get_logger().info("odd", value=object, number=2**70)
    assert len(written(lines)) == 1
