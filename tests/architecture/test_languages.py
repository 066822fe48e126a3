"""The two READMEs say the same: one outline, one set of commands."""

import re

import pytest

from tests.architecture.source import ROOT

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) ", re.MULTILINE)
COMMANDS = ("python3 -m pip install nox && nox -s up", "nox -s tests")


def readme(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str) -> list[tuple[str, str]]:
    return FENCE.findall(text)


def outline(text: str) -> list[str]:
    return HEADING.findall(FENCE.sub("", text))


def test_both_languages_have_one_outline():
    assert outline(readme("README.md")) == outline(readme("README.zh-CN.md"))


def test_both_languages_show_the_same_commands():
    assert blocks(readme("README.md")) == blocks(readme("README.zh-CN.md"))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_two_commands_are_shown(command):
    assert any(command in code for _, code in blocks(readme("README.md")))
