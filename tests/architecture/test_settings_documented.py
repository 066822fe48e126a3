"""Every setting stands in docs/settings.md with its default, and nothing else does."""

import re

from msgspec import NODEFAULT
from msgspec.structs import fields

from onepark.infra.settings import PREFIX, Settings
from tests.architecture.source import ROOT

ROW = re.compile(rf"^\| `{PREFIX}(\w+)` \| (.+?) \|", re.MULTILINE)


def documented() -> dict[str, str]:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    return {name.lower(): default for name, default in ROW.findall(text)}


def shown(default: object) -> str:
    if default is NODEFAULT:
        return "required"
    if default == "":
        return "empty"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def test_every_setting_is_documented_with_its_default():
    assert documented() == {field.name: shown(field.default) for field in fields(Settings)}
