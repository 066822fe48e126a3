"""A clerk files lots and an administrator gives accounts from the command line."""

import asyncio
import base64
import json
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner, Result

from onepark.app.cli.recount import recount
from onepark.app.cli.registry import registry
from onepark.app.cli.staff import staff
from onepark.simulator.demo_city import demo_city
from tests.archive import KEY, OPERATORS, a_lot


@pytest.fixture
async def onepark(database_url, servers, tmp_path):
    """Run a command in an environment of its own, as a shell would."""
    env = {
        "ONEPARK_DATABASE_URL": database_url,
        "ONEPARK_REDIS_URL": servers[1],
        "ONEPARK_SECRET_KEY": base64.b64encode(KEY.raw).decode(),
    }

    async def run(group, *arguments: object, **more) -> Result:
        runner = CliRunner()
        invoke = partial(runner.invoke, group, list(map(str, arguments)), env=env, **more)
        return await asyncio.to_thread(invoke)

    yield run
    connection = await asyncpg.connect(database_url)
    await connection.execute("TRUNCATE registry.operator, registry.lot CASCADE")
    await connection.close()


def a_file(folder: Path, *lots: dict[str, Any], name: str = "lots.json") -> Path:
    file = folder / name
    file.write_text(json.dumps({"operators": OPERATORS, "lots": lots}, ensure_ascii=False))
    return file


async def test_a_file_is_filed_and_its_keys_are_readable_to_their_owner_alone(onepark, tmp_path):
    file, secrets = a_file(tmp_path, a_lot()), tmp_path / "secrets.json"
    dry = await onepark(registry, "import", file, "--dry-run")
    assert (dry.exit_code, dry.stdout.splitlines()[-1][:12]) == (0, "would import")
    done = await onepark(registry, "import", file, "--secrets-out", secrets)
    assert done.exit_code == 0, done.output
    assert "lots 1 new, 0 changed, 0 same" in done.stdout
    assert secrets.stat().st_mode & 0o777 == 0o600
    keys = json.loads(secrets.read_text())
    assert sorted(keys) == ["320281001201-E1-cam", "320281001201-X1-cam"]
    assert all(key.startswith("whsec_") for key in keys.values())
    again = await onepark(registry, "import", file)
    assert again.exit_code == 0
    assert "nothing changed" in again.stdout


async def test_every_refused_row_is_told_and_the_exit_status_is_one(onepark, tmp_path):
    file = a_file(tmp_path, a_lot(), a_lot("32028100120x"), a_lot("320281001203", operator="OP-Z"))
    done = await onepark(registry, "import", file, "--secrets-out", tmp_path / "s")
    assert done.exit_code == 1
    told = [line for line in done.stderr.splitlines() if line.startswith("refused")]
    assert [line.split(": ")[1] for line in told] == [
        "lots row 2 lot",
        "lots row 3 operator",
    ]
    assert "nothing imported" in done.stdout
    assert not (tmp_path / "s").exists()


async def test_new_keys_need_a_place_and_never_overwrite_a_file(onepark, tmp_path):
    file, taken = a_file(tmp_path, a_lot()), tmp_path / "taken"
    taken.write_text("mine")
    for arguments in ((), ("--secrets-out", taken), ("--secrets-out", tmp_path / "no" / "s")):
        done = await onepark(registry, "import", file, *arguments)
        assert done.exit_code == 1
        assert "--secrets-out" in done.stderr
    assert taken.read_text() == "mine"
    dry = await onepark(registry, "import", file, "--dry-run")
    assert "lots 1 new" in dry.stdout, "nothing was filed"


async def test_a_file_of_another_kind_is_not_guessed_at(onepark, tmp_path):
    file = a_file(tmp_path, name="lots.xlsx")
    done = await onepark(registry, "import", file)
    assert (done.exit_code, "neither .json nor .csv" in done.stderr) == (1, True)


async def test_the_whole_demonstration_city_is_filed(onepark, tmp_path):
    file = tmp_path / "city.json"
    file.write_text(json.dumps(demo_city()))
    done = await onepark(registry, "import", file, "--secrets-out", tmp_path / "keys")
    assert f"lots {len(demo_city()['lots'])} new" in done.stdout


async def test_the_first_person_gets_in_once(onepark):
    arguments = ("add", "li.ming", "--name", "李明", "--role", "city_admin")
    typed = "correct horse battery\ncorrect horse battery\n"
    first = await onepark(staff, *arguments, input=typed)
    assert first.exit_code == 0, first.output
    assert first.stdout.splitlines()[-1] == "li.ming: city_admin"
    second = await onepark(staff, *arguments, input=typed)
    assert second.exit_code == 1
    assert "taken" in second.stderr


async def test_accounts_are_listed_shut_opened_and_helped(onepark):
    typed = "correct horse battery\ncorrect horse battery\n"
    person = ("add", "wang.fang", "--name", "王芳", "--role", "operator_finance")
    assert (await onepark(staff, *person, "--operator-id", 3, input=typed)).exit_code == 0
    for command, told in (
        ("disable", "wang.fang: operator_finance, disabled, without an authenticator"),
        ("enable", "wang.fang: operator_finance, enabled, without an authenticator"),
        ("reset-second-factor", "wang.fang: operator_finance, enabled, without an authenticator"),
    ):
        done = await onepark(staff, command, "wang.fang")
        assert (done.exit_code, done.stdout.strip()) == (0, told), done.output
    done = await onepark(staff, "password", "wang.fang", input=typed)
    assert done.exit_code == 0, done.output
    weak = await onepark(staff, "password", "wang.fang", input="wang.fang.2026\n" * 2)
    assert (weak.exit_code, "guessed too easily" in weak.stderr) == (1, True)
    listed = await onepark(staff, "list")
    assert "wang.fang  operator_finance  operator 3" in listed.stdout.splitlines()
    nobody = await onepark(staff, "disable", "nobody")
    assert (nobody.exit_code, "No such account" in nobody.stderr) == (1, True)


@pytest.mark.parametrize(
    ("login", "role", "password"),
    [
        ("Li Ming", "city_admin", "correct horse battery"),
        ("li.hua", "operator_admin", "correct horse battery"),
        ("li.hua", "city_admin", "short"),
    ],
)
async def test_an_account_that_cannot_be_is_refused_in_words(onepark, login, role, password):
    typed = f"{password}\n{password}\n"
    done = await onepark(staff, "add", login, "--name", "李", "--role", role, input=typed)
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: ")


async def test_a_recount_tells_which_count_is_wrong_and_ends_with_status_one(
    onepark, tmp_path, database_url
):
    done = await onepark(
        registry, "import", a_file(tmp_path, a_lot()), "--secrets-out", tmp_path / "s"
    )
    assert done.exit_code == 0, done.output
    right = await onepark(recount)
    assert (right.exit_code, "0 wrong" in right.stdout) == (0, True), right.output
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "INSERT INTO stays.count SELECT lot_id, 'short_stay', operator_id, 1, 3, now()"
        " FROM registry.lot"
    )
    wrong = await onepark(recount)
    await connection.execute("DELETE FROM stays.count")
    await connection.close()
    assert wrong.exit_code == 1
    assert wrong.stdout.startswith("320281001201 short_stay: kept 3, recounted 0\n")
