"""`onepark tariff`: plans from the command line: are they fit, and what would they have earned.

Owns: which files are read, and what is printed.
Never: decides what is wrong with a plan, or writes to the database.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from onepark.contexts.registry.service import Registry
from onepark.contexts.stays.replay import Difference, Replay, ReplayReport, Tally
from onepark.contexts.tariffs.checking import Finding, FindingExample, check, is_good
from onepark.contexts.tariffs.language import schema
from onepark.contexts.tariffs.model import Plan
from onepark.contexts.tariffs.phrases import yuan
from onepark.contexts.tariffs.proof import plan_hash
from onepark.contexts.tariffs.rules import plan_of_asker
from onepark.infra.clock import SystemClock
from onepark.infra.db import Role, StaffScope, open_database
from onepark.infra.settings import Settings, SettingsError, from_env, secret_key
from onepark.kernel.errors import Refusal
from onepark.kernel.types import CHINA, LotCode, LotId, OperatorId

FILE_BYTES_MAX = 1_048_576
EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
MOMENTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]


@click.group()
def tariff() -> None:
    """收费规则 Tariffs: check a plan, or price the past under it."""


# -- check -----------------------------------------------------------------------------------------


@tariff.command("check")
@click.argument("files", type=EXISTING_FILE, nargs=-1, required=True)
def check_files(files: Sequence[Path]) -> None:
    """校验收费规则文件 Say what is wrong or odd about plans; the exit status is 1 on an error."""
    good = [_tell_findings(file) for file in files]
    sys.exit(0 if all(good) else 1)


@tariff.command("schema")
def print_schema() -> None:
    """收费规则的 JSON Schema Print the JSON Schema of plans."""
    click.echo(json.dumps(schema(), ensure_ascii=False, indent=2))


def _tell_findings(file: Path) -> bool:
    text = _read(file)
    findings = check(text)
    for finding in findings:
        click.echo(sentence_of(file, finding))
    if not is_good(findings):
        return False
    click.echo(f"{file}: good 可以备案, sha-256 {plan_hash(_decoded(file, text))}")
    return True


def sentence_of(file: Path, finding: Finding) -> str:
    """Return a finding in both languages, and its counter-example where there is one."""
    where = f"{file}: {finding.severity} [{finding.rule}] "
    example = "" if finding.example is None else f"\n  {_example(finding.example)}"
    return f"{where}{finding.sentence} {finding.sentence_zh}{example}"


def _example(shown: FindingExample) -> str:
    return (
        f"例 e.g. {shown.vehicle} {shown.entered_at.isoformat()} → {shown.until_at.isoformat()}: "
        f"{yuan(shown.amount_fen)}; → {shown.later_until_at.isoformat()}: "
        f"{yuan(shown.later_amount_fen)}"
    )


def _read(file: Path) -> str:
    if file.stat().st_size > FILE_BYTES_MAX:
        raise click.ClickException(f"{file} is larger than {FILE_BYTES_MAX} bytes")
    try:
        return file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{file} is not UTF-8") from error


def _decoded(file: Path, text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise click.ClickException(f"{file} is no plan: {error}") from error


# -- replay ----------------------------------------------------------------------------------------


@tariff.command()
@click.option("--plan", "plan_file", type=EXISTING_FILE, required=True, help="新规则 The new plan.")
@click.option("--lot", "lots", multiple=True, required=True, help="停车场编码 A lot; repeatable.")
@click.option(
    "--from",
    "from_at",
    type=click.DateTime(MOMENTS),
    required=True,
    help="入场时间起 Cars that came from then on; +08:00 unless an offset is given.",
)
@click.option(
    "--to",
    "to_at",
    type=click.DateTime(MOMENTS),
    required=True,
    help="入场时间止（不含）And before then.",
)
@click.option(
    "--operator-id",
    type=click.IntRange(min=1),
    help="仅以该经营单位的权限查看 See only what this operator's staff may see.",
)
@click.option("--json", "as_json", is_flag=True, help="输出 JSON Print JSON instead of a table.")
def replay(
    *,
    plan_file: Path,
    lots: Sequence[str],
    from_at: datetime,
    to_at: datetime,
    operator_id: int | None,
    as_json: bool,
) -> None:
    """用新规则重算历史停车 Price real past stays under another plan: who pays more, what it earns.

    Compared with the fee that was fixed when each car left. Nothing is written.
    """
    span = (_at_plus_eight(from_at), _at_plus_eight(to_at))
    if not span[0] < span[1]:
        raise click.BadParameter("it ends before it begins", param_hint="--to")
    body = _decoded(plan_file, _read(plan_file))
    try:
        plan = plan_of_asker(body, span[0])
        scope = StaffScope.of(operator_id)
        report = asyncio.run(_replay(plan, lots, span, scope))
    except Refusal as refusal:
        raise click.ClickException(f"{refusal.title_zh} {refusal.detail}") from refusal
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    _tell_report(report, plan_hash(body), as_json=as_json)


def _at_plus_eight(at: datetime) -> datetime:
    return at if at.tzinfo is not None else at.replace(tzinfo=CHINA)


async def _replay(
    plan: Plan, lots: Sequence[str], span: tuple[datetime, datetime], scope: StaffScope
) -> ReplayReport:
    settings = from_env(os.environ)
    known = await _lots(settings, lots, scope)
    database = await open_database(settings.database_url, Role.STAFF, connections=1)
    try:
        past = Replay(database)
        return await past.run(plan, known, from_at=span[0], to_at=span[1], scope=scope)
    finally:
        await database.close()


async def _lots(settings: Settings, codes: Sequence[str], scope: StaffScope) -> Mapping[LotId, str]:
    """Return the lots that are named; one that the scope does not cover is not there."""
    database = await open_database(settings.database_url, Role.SERVICE, connections=1)
    try:
        registry = Registry(database, secret_key(settings), SystemClock())
        await registry.load()
    finally:
        await database.close()
    known: dict[LotId, str] = {}
    for code in codes:
        lot = registry.directory.lot(LotCode(code))
        if lot is None or (
            not scope.city and lot.operator_id != OperatorId(scope.operator_id or 0)
        ):
            raise click.ClickException(f"没有该停车场 no lot {code}")
        known[lot.lot_id] = lot.code
    return known


def _tell_report(report: ReplayReport, hashed: str, *, as_json: bool) -> None:
    if as_json:
        told = {"plan_hash": hashed, **msgspec.to_builtins(report)}
        click.echo(msgspec.json.format(msgspec.json.encode(told), indent=2).decode())
        return
    click.echo(f"plan {hashed}")
    click.echo(
        f"{len(report.lots)} lots, cars that came {report.from_at.isoformat()}"
        f" to {report.to_at.isoformat()}"
    )
    for name, tally in (("all 合计", report.total), *sorted(report.by_vehicle.items())):
        click.echo(_tally(name, tally))
    if report.largest:
        click.echo("largest differences 差额最大的停车:")
    for one in report.largest:
        click.echo(_difference(one))


def _tally(name: str, tally: Tally) -> str:
    return (
        f"{name}: {tally.stays} stays; {tally.more} pay more 多付, {tally.less} less 少付, "
        f"{tally.same} the same 不变; earned 原收费 {yuan(tally.earned_fen)}, "
        f"would earn 新收费 {yuan(tally.would_earn_fen)}"
    )


def _difference(one: Difference) -> str:
    return (
        f"  {one.stay_id} {one.lot} {one.plate_masked} {one.vehicle} "
        f"{one.entered_at.astimezone(CHINA).isoformat()} → "
        f"{one.exited_at.astimezone(CHINA).isoformat()}: "
        f"{yuan(one.earned_fen)} → {yuan(one.would_earn_fen)}"
    )
