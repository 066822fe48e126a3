"""The document of the real app, made without any server."""

import base64
import json
import re
from typing import Any

import pytest

from onepark.app.asgi import create_app
from onepark.app.openapi import TAGS, document
from onepark.contexts.tariffs.language import schema
from onepark.infra.openapi import PROBLEM_MEDIA_TYPE
from onepark.infra.settings import Settings

CHINESE = re.compile(r"[\u4e00-\u9fff]")
ENGLISH = re.compile(r"[A-Za-z]{2,}")
WITHOUT_A_PROBLEM = {"/readyz", "/v1/payments/notices/{channel}"}  # answer in words of their own


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    key = base64.b64encode(bytes(range(32))).decode()
    served = create_app(Settings(database_url="", redis_url="redis://", secret_key=key))
    return document(served.app)


def operations(whole: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, item in whole["paths"].items()
        for method, operation in item.items()
    }


def test_every_operation_speaks_both_languages(whole):
    for name, operation in operations(whole).items():
        for text in (operation["summary"], operation["description"]):
            assert CHINESE.search(text), name
            assert ENGLISH.search(text), name


def test_the_body_of_a_check_is_told_field_by_field(whole):
    body = whole["paths"]["/v1/tariffs/check"]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": "#/components/schemas/PlanFile"}
    plan = whole["components"]["schemas"]["PlanFile"]
    assert set(plan["properties"]) == set(schema()["$defs"]["PlanFile"]["properties"])


def test_every_tag_is_explained(whole):
    used = {tag for operation in operations(whole).values() for tag in operation["tags"]}
    assert used == set(TAGS)


def test_every_reference_leads_somewhere(whole):
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(whole)))
    assert named - set(whole["components"]["schemas"]) == set()
    schemes = {
        name
        for operation in operations(whole).values()
        for requirement in operation.get("security", [])
        for name in requirement
    }
    assert schemes <= set(whole["components"]["securitySchemes"])


def test_every_error_of_every_operation_is_a_problem(whole):
    others = {
        f"{name} {status}"
        for name, operation in operations(whole).items()
        for status, response in operation["responses"].items()
        if int(status) >= 400
        and PROBLEM_MEDIA_TYPE not in response.get("content", {})
        and name.split()[1] not in WITHOUT_A_PROBLEM
    }
    assert others == set()


def test_every_body_may_be_too_large(whole):
    for name, operation in operations(whole).items():
        assert ("requestBody" in operation) <= ("413" in operation["responses"]), name
