"""docs/staff.md shows the table of permissions as it is."""

from onepark.contexts.access.rules import FRESH, MATRIX, MONEY
from onepark.kernel.staff import Permission, StaffRole
from tests.architecture.source import ROOT

PAGE = ROOT / "docs" / "staff.md"
HEAD = ["permission", "code", *(f"`{role.value}`" for role in StaffRole)]


def row(permission: Permission) -> str:
    code = "fresh" if permission in FRESH else "yes" if permission in MONEY else ""
    roles = ["●" if permission in MATRIX[role] else "" for role in StaffRole]
    return line([f"`{permission.value}`", code, *roles])


def line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def table() -> list[str]:
    return [line(HEAD), "|---" * len(HEAD) + "|", *(row(one) for one in Permission)]


def test_the_page_shows_which_role_has_what_and_which_of_it_needs_a_code():
    shown = [one for one in PAGE.read_text("utf-8").splitlines() if one.startswith("| `")]
    missing = [one for one in table()[2:] if one not in shown]
    assert missing == [], "\n".join(["write it so:", *table()])
    assert line(HEAD) in PAGE.read_text("utf-8")
