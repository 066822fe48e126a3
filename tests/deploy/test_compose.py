"""compose.yaml and the image, held together without an engine."""

import copy
import json
import re
from importlib.resources import files as resources
from typing import Any

import jsonschema
import pytest

from onepark.infra.settings import PREFIX, Settings, SettingsError, from_env
from tests.architecture.source import ROOT
from tests.deploy.files import (
    DEPLOY,
    Unset,
    environment,
    example,
    given,
    parsed,
    services,
    texts,
)

OURS = ("migrate", "serve", "work")
FILLED = {
    "DB_OWNER_PASSWORD": "0a",
    "DB_APP_PASSWORD": "0b",
    "VALKEY_PASSWORD": "0c",
    "GRAFANA_ADMIN_PASSWORD": "0d",
    "ONEPARK_SECRET_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "ONEPARK_PUBLIC_URL": "https://parking.example.org",
}
SETTING = re.compile(rf"\b{PREFIX}[A-Z_]+\b")


def faults(compose: Any) -> list[str]:
    """What the Compose specification has against a file."""
    vendored = resources("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json"
    schema = json.loads(vendored.read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema)
    return [one.message for one in validator.iter_errors(compose)]


def unknown_settings(text: str) -> set[str]:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.__struct_fields__}
    return set(SETTING.findall(text)) - known


def filled_in(env: dict[str, str]) -> list[str]:
    return [given(text, env) for text in texts(parsed("compose.yaml"))]


def test_compose_yaml_is_as_the_specification_says():
    assert faults(parsed("compose.yaml")) == []


@pytest.mark.parametrize(
    ("service", "change"),
    [("serve", {"comand": ["serve"]}), ("work", {"ports": 8000}), ("work", {"read_only": []})],
)
def test_a_planted_fault_of_form_is_found(service, change):
    compose = copy.deepcopy(parsed("compose.yaml"))
    compose["services"][service] |= change
    assert faults(compose)


def test_every_setting_that_is_named_exists():
    names = ("compose.yaml", ".env.example", "Dockerfile", "README.md")
    for name in names:
        assert unknown_settings((DEPLOY / name).read_text(encoding="utf-8")) == set(), name
    assert unknown_settings("ONEPARK_PROT: 1") == {"ONEPARK_PROT"}


@pytest.mark.parametrize("service", OURS)
def test_each_process_starts_with_what_it_is_told(service):
    told = environment(service, FILLED)
    ours = {name: value for name, value in told.items() if name.startswith(PREFIX)}
    settings = from_env(ours)
    assert settings.public_url == "https://parking.example.org"
    assert settings.database_url == "postgresql://onepark_app:0b@postgres/onepark"


def test_without_a_secret_nothing_starts():
    for name in FILLED:
        without = {other: value for other, value in FILLED.items() if other != name}
        with pytest.raises(Unset, match=name):
            filled_in(without)
    with pytest.raises(SettingsError):
        from_env({f"{PREFIX}DATABASE_URL": "x", f"{PREFIX}REDIS_URL": "x"})


def test_the_example_names_every_variable_and_fills_in_no_secret():
    wanted = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text(encoding="utf-8")))
    assert wanted - {"PLATFORM_IMAGE"} == set(example())
    assert {name for name in FILLED if example()[name]} == set()


def test_every_service_volume_and_file_that_is_named_exists():
    compose = parsed("compose.yaml")
    named = set(compose["volumes"])
    for service in services().values():
        assert set(service.get("depends_on", {})) <= set(services())
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert source == "./payments" or (DEPLOY / source).exists(), source
            else:
                assert source in named


def test_what_is_published_listens_on_loopback_unless_told_otherwise():
    ports = [given(port, FILLED) for one in services().values() for port in one.get("ports", [])]
    assert len(ports) == 3
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("service", OURS)
def test_our_processes_may_do_nothing_but_their_work(service):
    told = services()[service]
    assert told["read_only"] is True
    assert told["cap_drop"] == ["ALL"]
    assert told["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "user", "cap_add", "network_mode"} & set(told)


def test_prometheus_asks_each_process_where_it_answers():
    jobs = parsed("prometheus/prometheus.yml")["scrape_configs"]
    asked = {one["job_name"]: one["dns_sd_configs"][0] for one in jobs}
    told = {service: from_settings(service) for service in ("serve", "work")}
    for service, port in (("serve", told["serve"].port), ("work", told["work"].work_metrics_port)):
        assert asked[f"onepark-{service}"] == {"names": [service], "type": "A", "port": port}
    assert (told["serve"].host, told["work"].work_metrics_host) == ("0.0.0.0", "0.0.0.0")


def from_settings(service: str) -> Settings:
    told = environment(service, FILLED)
    return from_env({name: value for name, value in told.items() if name.startswith(PREFIX)})


def test_the_image_runs_as_nobody_in_particular_and_is_made_from_what_exists():
    dockerfile = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    users = re.findall(r"^USER (\d+):(\d+)$", dockerfile, re.MULTILINE)
    assert users
    assert all(int(user) > 0 and int(group) > 0 for user, group in users)
    assert dockerfile.index("USER ") < dockerfile.index("ENTRYPOINT")
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8")
    for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert f"!{source}\n" in ignored, f"{source} reaches the builder"


def test_the_image_builds_with_a_compiler_that_is_new_enough():
    wanted = re.search(r'rust-version = "(\d+)\.(\d+)"', (ROOT / "Cargo.toml").read_text())
    taken = re.search(r"FROM rust:(\d+)\.(\d+)", (DEPLOY / "Dockerfile").read_text())
    assert wanted
    assert taken
    assert tuple(map(int, taken.groups())) >= tuple(map(int, wanted.groups()))
