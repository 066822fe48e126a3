"""The judges are pinned, come from whichever registry is set, and are never done without."""

import json
import re

import pytest

from tests.adapters.judges.judge import CACHE, FOLDER, installed_packages

EXACT = re.compile(r"\d+\.\d+\.\d+")


def test_the_lock_pins_every_package_by_its_digest_and_names_no_registry():
    packages = json.loads((FOLDER / "package-lock.json").read_text())["packages"]
    own = packages.pop("")
    assert all(EXACT.fullmatch(version) for version in own["dependencies"].values())
    assert [name for name, one in packages.items() if "resolved" in one] == []
    assert [name for name, one in packages.items() if "integrity" not in one] == []
    assert {f"node_modules/{name}" for name in own["dependencies"]} <= set(packages)


def test_the_lock_is_of_this_project():
    project = json.loads((FOLDER / "package.json").read_text())
    lock = json.loads((FOLDER / "package-lock.json").read_text())
    assert lock["packages"][""]["dependencies"] == project["dependencies"]


def test_packages_that_are_there_are_not_fetched_again(judge):
    assert installed_packages(CACHE, "--registry=http://127.0.0.1:1").is_dir()


def test_without_the_registry_the_tests_fail_in_plain_words(tmp_path):
    cache = tmp_path / "judges"
    nobody = ("--registry=http://127.0.0.1:1", f"--cache={tmp_path / 'npm'}", "--fetch-retries=0")
    with pytest.raises(pytest.fail.Exception) as failed:
        installed_packages(cache, *nobody)
    said = str(failed.value)
    assert "come from the npm registry, and npm did not bring them" in said
    assert "127.0.0.1:1" in said
    assert list(cache.iterdir()) == []
