"""The README's story, pasted into a shell as it stands."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flows.city.served import City

ROOT = Path(__file__).parents[3]
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def the_story(readme: str) -> str:
    """The commands of the section about one car."""
    section = readme.partition('demo.json")')[0].rpartition("\n## ")[2]
    rest = readme[readme.index(section) :].partition("\n## ")[0]
    return "\n".join(BLOCK.findall(rest))


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_one_car_goes_all_the_way_by_what_the_readme_says(city: City, tmp_path: Path, name: str):
    script = the_story((ROOT / name).read_text())
    assert script.count("curl ") == 5
    (tmp_path / ".onepark").symlink_to(city.data)
    tools = Path(sys.executable).parent
    env = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=env,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    order = json.loads(done.stdout[done.stdout.rindex('{"order_no"') :])
    assert (order["state"], order["due_fen"]) == ("paid", 0), order
