"""A clerk checks plans, replays the past and verifies amounts from the command line."""

import asyncio
import base64
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from onepark.app.cli import main
from onepark.app.cli.tariff import sentence_of
from onepark.contexts.access.service import Audit
from onepark.contexts.registry.service import Registry, RegistryImports
from onepark.contexts.stays.model import Kind
from onepark.contexts.stays.service import Stays
from onepark.contexts.tariffs.checking import Finding, FindingExample, Severity
from onepark.contexts.tariffs.language import schema
from onepark.contexts.tariffs.model import PriceRequest, QuoteAsked
from onepark.contexts.tariffs.proof import plan_hash, sealed
from onepark.contexts.tariffs.rules import answer, plan_of_asker, price
from onepark.kernel.types import CHINA, Fen, LotCode, Vehicle
from tests.archive import KEY, HandClock, a_lot, a_reading
from tests.builders import a_passage
from tests.fakes.plans import OnePlan

PLANS = Path(__file__).parents[2] / "src/onepark/simulator/plans"
TAICANG = json.loads((PLANS / "t7_taicang.json").read_text("utf-8"))
EIGHT = datetime(2026, 11, 20, 8, tzinfo=CHINA)
LOT, OTHER_LOT = "320281001201", "320281001202"
Run = Callable[..., Result]


@pytest.fixture
def onepark() -> Run:
    """Run a command as a shell would; nothing is set in its environment."""

    def run(*arguments: object, **more: Any) -> Result:
        return CliRunner().invoke(main, list(map(str, arguments)), env={}, **more)

    return run


def written(folder: Path, what: object, name: str = "plan.json") -> Path:
    file = folder / name
    file.write_bytes(what if isinstance(what, bytes) else json.dumps(what).encode())
    return file


# -- tariff check ----------------------------------------------------------------------------------


def test_the_schema_of_plans_is_printed(onepark):
    done = onepark("tariff", "schema")
    assert (done.exit_code, json.loads(done.stdout)) == (0, schema())


def test_plans_that_are_fit_are_told_so_with_their_hash(onepark):
    done = onepark("tariff", "check", *sorted(PLANS.glob("*.json")))
    assert done.exit_code == 0, done.output
    assert done.stdout.count("good 可以备案") == len(list(PLANS.glob("*.json")))
    assert plan_hash(TAICANG) in done.stdout


def test_a_faulty_plan_is_told_its_field_beside_a_good_one_and_the_exit_status_is_one(
    onepark, tmp_path
):
    window = {"name": "a", "from": "07:00", "to": "21:00", "tiers": []}
    bad = written(tmp_path, {"windows": [window]})
    done = onepark("tariff", "check", PLANS / "t7_taicang.json", bad)
    assert done.exit_code == 1
    assert "t7_taicang.json: good" in done.stdout
    [line] = [line for line in done.stdout.splitlines() if line.startswith(str(bad))]
    assert "error [tiers_or_steps] windows[0]" in line
    assert "分档单价或累计总价" in line


def test_a_counter_example_is_told_with_both_moments_and_both_amounts():
    shown = FindingExample(
        "large",
        EIGHT,
        EIGHT + timedelta(minutes=60),
        Fen(800),
        EIGHT + timedelta(minutes=61),
        Fen(750),
    )
    finding = Finding(
        Severity.ERROR, "falls", ".", "Longer costs less.", "停得更久反而更便宜", shown
    )
    told = sentence_of(Path("plan.json"), finding)
    assert told.splitlines() == [
        "plan.json: error [falls] Longer costs less. 停得更久反而更便宜",
        (
            "  例 e.g. large 2026-11-20T08:00:00+08:00 → 2026-11-20T09:00:00+08:00: 8 元; "
            "→ 2026-11-20T09:01:00+08:00: 7.5 元"
        ),
    ]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"windows": 1e999}'])
def test_what_is_no_plan_is_an_error_and_no_crash(onepark, tmp_path, content):
    done = onepark("tariff", "check", written(tmp_path, content))
    assert (done.exit_code, type(done.exception)) == (1, SystemExit)
    assert "error" in done.stdout


def test_what_is_no_text_or_too_much_is_not_read(onepark, tmp_path):
    for content, word in ((b"\xff\xfe", "not UTF-8"), (b" " * 1_048_577, "larger than")):
        done = onepark("tariff", "check", written(tmp_path, content))
        assert (done.exit_code, word in done.stderr) == (1, True)
    assert onepark("tariff", "check").exit_code == 2


# -- tariff replay ---------------------------------------------------------------------------------


@pytest.fixture
async def past(database_url, servers, service_db, batch_db):
    """Two lots of two operators with a visit each, and how to run a command on them."""
    clock = HandClock()
    imports = RegistryImports(service_db, KEY, audit=Audit(), clock=clock)
    reading = a_reading(a_lot(LOT), a_lot(OTHER_LOT, operator="OP-B"))
    report = await imports.import_reading(reading, actor="test")
    assert not report.refused
    registry = Registry(service_db, KEY, clock)
    await registry.load()
    stays = Stays(batch_db, service_db, plans=OnePlan(json.dumps(TAICANG)), clock=clock)
    if not report.changes_nothing:
        for number, code in enumerate((LOT, LOT, OTHER_LOT)):
            lot = registry.directory.lot(LotCode(code))
            assert lot is not None
            car: dict[str, Any] = {
                "lot_id": lot.lot_id,
                "operator_id": lot.operator_id,
                "plate": f"苏B1234{number}",
                "vehicle": "large" if number else "small",
            }
            await stays.take([a_passage(Kind.ENTRY, EIGHT, **car)])
            await stays.take([a_passage(Kind.EXIT, EIGHT + timedelta(minutes=67), **car)])
    env = {
        "ONEPARK_DATABASE_URL": database_url,
        "ONEPARK_REDIS_URL": servers[1],
        "ONEPARK_SECRET_KEY": base64.b64encode(KEY.raw).decode(),
    }

    async def run(*arguments: object) -> Result:
        whole = ["tariff", "replay", *map(str, arguments)]
        return await asyncio.to_thread(partial(CliRunner().invoke, main, whole, env=env))

    directory = registry.directory
    run.owner = {  # type: ignore[attr-defined]
        code: directory.lot(LotCode(code)).operator_id  # type: ignore[union-attr]
        for code in (LOT, OTHER_LOT)
    }
    return run


NOVEMBER = ("--from", "2026-11-01", "--to", "2026-12-01")


async def test_a_replay_tells_who_would_pay_more_and_what_the_plan_would_earn(past, tmp_path):
    """Seven yuan became eight for the small car, and twice as much for the large one."""
    dearer = json.loads(json.dumps(TAICANG).replace('"price_fen": 200', '"price_fen": 300'))
    dearer["vehicles"] = {"large": {"price_permille": 2_000}}
    plan = written(tmp_path, dearer)
    done = await past("--plan", plan, "--lot", LOT, *NOVEMBER, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    tally = {"stays": 2, "more": 2, "less": 0, "same": 0, "earned_fen": 1_400}
    assert told["total"] == tally | {"would_earn_fen": 2_400}
    assert told["by_vehicle"]["large"]["would_earn_fen"] == 1_600
    assert told["plan_hash"] == plan_hash(dearer)
    assert [one["plate_masked"] for one in told["largest"]] == ["苏B****1", "苏B****0"]
    words = await past("--plan", plan, "--lot", LOT, "--lot", OTHER_LOT, *NOVEMBER)
    assert "all 合计: 3 stays; 3 pay more" in words.stdout
    assert "earned 原收费 21 元, would earn 新收费 40 元" in words.stdout
    assert "苏B12341" not in words.stdout, "a plate is masked"


async def test_an_operator_replays_its_own_lots_only(past):
    plan = PLANS / "t7_taicang.json"
    own = ("--plan", plan, *NOVEMBER, "--operator-id", past.owner[LOT])
    done = await past(*own, "--lot", LOT)
    assert "all 合计: 2 stays; 0 pay more 多付, 0 less 少付, 2 the same" in done.stdout
    foreign = await past(*own, "--lot", LOT, "--lot", OTHER_LOT)
    assert (foreign.exit_code, f"no lot {OTHER_LOT}" in foreign.stderr) == (1, True)


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        (("--to", "2026-11-01"), "ends before"),
        (("--to", "1999-01-01"), "ends before"),
        (("--from", "soon"), "--from"),
        (("--lot", "320281009999"), "no lot"),
        (("--plan", "/nowhere.json"), "--plan"),
    ],
)
async def test_a_replay_that_cannot_be_is_refused_in_words(past, changed, word):
    wanted = ("--plan", PLANS / "t7_taicang.json", "--lot", LOT, *NOVEMBER)
    done = await past(*wanted, *changed)
    assert done.exit_code in {1, 2}
    assert isinstance(done.exception, SystemExit)
    assert word in done.stderr


async def test_a_broken_plan_is_not_replayed(past, tmp_path):
    for content in ({"windows": 7}, b"[]", b"\xff"):
        done = await past("--plan", written(tmp_path, content), "--lot", LOT, *NOVEMBER)
        assert (done.exit_code, type(done.exception)) == (1, SystemExit)


# -- quote verify ----------------------------------------------------------------------------------


def a_quote(**changes: Any) -> dict[str, Any]:
    """What a city answers for Taicang's own example, with some of it changed afterwards."""
    asked = QuoteAsked(EIGHT, EIGHT + timedelta(minutes=67), plan=TAICANG)
    plan = plan_of_asker(TAICANG, EIGHT)
    [quote] = price([PriceRequest(plan, asked.entered_at, asked.until_at, Vehicle.SMALL)])
    told = sealed(answer(plan, asked, quote, plan_hash=plan_hash(TAICANG), rulings=()))
    return msgspec.to_builtins(told) | changes  # type: ignore[no-any-return]


def test_an_honest_quote_is_equal_wherever_its_plan_comes_from(onepark, tmp_path):
    beside = written(tmp_path, {"quote": a_quote(), "plan": TAICANG}, "both.json")
    alone = written(tmp_path, a_quote(), "quote.json")
    plan = written(tmp_path, TAICANG)
    for arguments in ((beside,), (alone, "--plan", plan)):
        done = onepark("quote", "verify", *arguments)
        assert (done.exit_code, "equal 相符: 700 fen" in done.stdout) == (0, True), done.output
    piped = onepark("quote", "verify", "-", "--plan", plan, input=json.dumps(a_quote()))
    assert piped.exit_code == 0


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"amount_fen": 500}, "amount_fen: the quote says 500, the plan gives 700"),
        ({"until_at": "2026-11-20T10:00:00+08:00"}, "amount_fen"),
        ({"until_at": "2026-11-20T07:00:00+08:00"}, "cannot be priced"),
        ({"quote_hash": "0" * 64}, "quote_hash"),
        ({"plan_hash": "0" * 64}, "plan_hash"),
        ({"lines": []}, "lines: the quote has 0, the plan gives 2"),
    ],
)
def test_a_quote_that_was_changed_is_told_what_differs(onepark, tmp_path, changes, word):
    file = written(tmp_path, {"quote": a_quote(**changes), "plan": TAICANG})
    done = onepark("quote", "verify", file)
    assert (done.exit_code, word in done.stdout) == (1, True), done.output


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "no JSON object"),
        (b"[1]", "no JSON object"),
        ({"amount_fen": 700}, "no quote or order"),
        (a_quote(), "no plan is given"),
        ({"quote": a_quote(), "plan": []}, "no quote or order"),
        (b" " * 1_048_577, "more than"),
    ],
)
def test_what_cannot_be_judged_is_told_so_and_the_exit_status_is_two(
    onepark, tmp_path, content, word
):
    done = onepark("quote", "verify", written(tmp_path, content))
    assert (done.exit_code, word in done.stderr) == (2, True), done.output


def test_a_city_that_does_not_answer_cannot_be_asked_for_the_plan(onepark, tmp_path):
    file = written(tmp_path, a_quote())
    done = onepark("quote", "verify", file, "--url", "http://127.0.0.1:9")
    assert (done.exit_code, "does not answer" in done.stderr) == (2, True)


def an_order(**changes: Any) -> dict[str, Any]:
    line = {"rule": "tier", "window": "日间", "units": 1, "unit_price_fen": 500, "amount_fen": 500}
    return {
        "order_no": "P0000042" + "A" * 24,
        "state": "open",
        "lot": LOT,
        "lot_name": "人民路停车场",
        "plate_masked": "苏B****5",
        "entered_at_masked": "2026-11-20T08:**+08:00",
        "currency": "CNY",
        "fee_fen": 700,
        "paid_fen": 0,
        "due_fen": 700,
        "written_off_fen": 0,
        "refund_due_fen": 0,
        "leave_before_at": None,
        "lines": [line, line | {"unit_price_fen": 200, "amount_fen": 200}],
    } | changes


@pytest.mark.parametrize(
    ("changes", "status", "word"),
    [
        ({}, 0, "equal"),
        ({"fee_fen": 800, "due_fen": 800}, 1, "lines: they add up to 700, the fee is 800"),
        ({"due_fen": 600}, 1, "fee_fen: 700"),
        ({"paid_fen": 500, "due_fen": 0, "leave_before_at": "2026-11-20T09:00:00Z"}, 0, "equal"),
    ],
)
def test_the_sums_of_an_order_are_checked_although_its_minutes_are_hidden(
    onepark, tmp_path, changes, status, word
):
    done = onepark("quote", "verify", written(tmp_path, an_order(**changes)))
    assert (done.exit_code, word in done.stdout) == (status, True), done.output


# -- reprice ---------------------------------------------------------------------------------------


def test_a_small_year_is_priced_in_one_command(onepark):
    done = onepark("reprice", "--year", 2026, "--stays", 3_000, "--seed", 7, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["stays"], told["year"], told["seed"]) == (3_000, 2026, 7)
    assert told["total_fen"] == sum(one["total_fen"] for one in told["by_kind"].values()) > 0
    words = onepark("reprice", "--year", 2026, "--stays", 3_000, "--seed", 7)
    assert words.stdout.splitlines()[-1].endswith("stays/s")
    assert f"合计 all: 3000 stays, {told['total_fen'] / 100:g} 元" in words.stdout


@pytest.mark.parametrize("wrong", [("--year", 1999), ("--year", 2026, "--stays", 0), ()])
def test_a_year_that_cannot_be_is_refused(onepark, wrong):
    assert onepark("reprice", *wrong).exit_code == 2


def test_every_command_explains_itself(onepark):
    for words in (("tariff", "check"), ("tariff", "replay"), ("quote", "verify"), ("reprice",)):
        done = onepark(*words, "--help")
        assert (done.exit_code, "Usage" in done.stdout) == (0, True)
    assert {"tariff", "quote", "reprice"} <= set(onepark("--help").stdout.split())
