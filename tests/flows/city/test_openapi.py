"""The published document against the served city: no 5xx, and no status that it does not name."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flows.city.served import City, call

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance"
HOOK = "tests.flows.city.signing_hook"


@pytest.mark.timeout(300)
def test_nothing_that_a_client_can_send_makes_the_city_fail(city: City, tmp_path: Path):
    entry = city.lots[-1].entry
    done = subprocess.run(
        [
            *(str(Path(sys.executable).parent / "schemathesis"), "run"),
            f"{city.base_url}/schema/openapi.json",
            *("--checks", f"{CHECKS},response_schema_conformance"),
            *("--max-examples", "25", "--seed", "320281", "--no-color"),
            *("--exclude-path", "/v1/vacancies/stream"),  # it never ends
            # Long bodies of narrow patterns are drawn in vain more often than Hypothesis likes.
            *("--suppress-health-check", "filter_too_much"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": HOOK,
            "TEST_GATE": json.dumps({"device": entry.device, "secret": entry.secret}),
            "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path),
        },
    )
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
    assert "POST /v1/gate/passages\n" not in done.stdout.partition("401 Unauthorized")[2]


def test_every_operation_speaks_both_languages_and_shows_an_example(city: City):
    _, document = call(f"{city.base_url}/schema/openapi.json")
    bare = [
        f"{method} {path}"
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if not (is_bilingual(operation["summary"]) and is_bilingual(operation["description"]))
    ]
    assert bare == []
    body = document["paths"]["/v1/gate/passages"]["post"]["requestBody"]
    assert body["content"]["application/json"]["example"]["passages"]


def is_bilingual(text: str) -> bool:
    chinese = any("\u4e00" <= letter <= "\u9fff" for letter in text)
    return chinese and any(letter.isascii() and letter.isalpha() for letter in text)
