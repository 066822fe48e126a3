"""A paper names only what exists, and every decision stands in the list of decisions."""

import re
from pathlib import Path

from tests.architecture.source import ROOT

NAMED = re.compile(r"`((?:src|tests|docs|native|migrations|tools)/[\w./-]+)(?:::(\w+))?`")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")


def written() -> list[Path]:
    return [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def missing(paper: Path) -> list[str]:
    text = paper.read_text(encoding="utf-8")
    lacking = [f"link to {to}" for to in LINK.findall(text) if not (paper.parent / to).exists()]
    for file, test in NAMED.findall(text):
        path = ROOT / file
        if not path.exists():
            lacking.append(file)
        elif test and f"def {test}(" not in path.read_text(encoding="utf-8"):
            lacking.append(f"{file}::{test}")
    return [f"{paper.name}: {what}" for what in lacking]


def test_papers_name_only_what_exists():
    assert [line for paper in written() for line in missing(paper)] == []


def test_every_decision_is_in_the_list():
    folder = ROOT / "docs" / "decisions"
    pages = {path.name for path in folder.glob("[0-9]*.md")}
    assert set(LINK.findall((folder / "README.md").read_text(encoding="utf-8"))) == pages


def test_a_planted_wrong_name_is_found(tmp_path):
    paper = tmp_path / "page.md"
    paper.write_text(
        "See [this](gone.md), `tests/gone.py` and `tests/conftest.py::test_gone`;"
        " `tests/conftest.py` is there.\n"
    )
    assert missing(paper) == [
        "page.md: link to gone.md",
        "page.md: tests/gone.py",
        "page.md: tests/conftest.py::test_gone",
    ]
