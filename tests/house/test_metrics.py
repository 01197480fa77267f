"""Alerts and dashboard speak of metrics that there are; each alert is seen to fire, and told what to do about."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import values

from repositories.entities.services import ServiceState
from repositories.entities.vital_signs import Backlog, VitalSigns
from repositories.enums import Service
from watch.metrics import open_metrics
from watch.scrape import Standing

RULES = Path("deploy/prometheus/rules.yml")
RULES_TEST = Path("deploy/prometheus/rules_test.yml")
DASHBOARD = Path("deploy/grafana/tahoon.json")
GUIDE = Path("docs/how-to/watch.md")
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
ALERTS = {rule["alert"]: rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}
NOTHING = Backlog(number=0, since=None)


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, frozenset[str]]:
    """The labels of every time series, by its name."""
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    signs = VitalSigns(
        sagas={},
        due=NOTHING,
        pending=NOTHING,
        in_line={},
        services={service: ServiceState(service=service) for service in Service},
        events=NOTHING,
        reports={},
        webhooks=NOTHING,
        pushes=NOTHING,
        deeds=NOTHING,
    )
    standing = Standing(
        vital_signs=lambda *, now: signs,  # noqa: ARG005
        deeds=lambda: NOTHING,
        places_free=lambda _service: 1,
        queues=lambda: {},
        clock=lambda: datetime(2026, 1, 5, tzinfo=UTC),
    )
    metrics = open_metrics(tmp_path)
    found: dict[str, frozenset[str]] = {}
    for collector in metrics.registry._collector_to_names:
        name, labels = collector._name, frozenset(collector._labelnames)  # type: ignore[attr-defined]
        found |= {f"{name}{suffix}": labels for suffix in SUFFIXES[collector._type]}  # type: ignore[attr-defined]
    return found | {family.name: frozenset[str]() for family in standing.collect()}


def expressions() -> dict[str, str]:
    panels: list[Any] = json.loads(DASHBOARD.read_text())["panels"]
    shown = {f"{panel['title']} {target['refId']}": target["expr"] for panel in panels for target in panel["targets"]}
    return {name: rule["expr"] for name, rule in ALERTS.items()} | shown


def test_every_metric_that_is_asked_for_exists(told: Mapping[str, frozenset[str]]) -> None:
    for where, expression in expressions().items():
        asked = set(re.findall(r"tahoon_\w+", expression))
        assert asked, where
        assert asked <= told.keys(), where


def test_every_metric_is_on_the_dashboard(told: Mapping[str, frozenset[str]]) -> None:
    def base(name: str) -> str:
        return re.sub(r"_(bucket|sum|count|total)$", "", name)

    shown = {base(name) for expression in expressions().values() for name in re.findall(r"tahoon_\w+", expression)}
    assert {base(name) for name in told} - shown <= {"tahoon_breaker_failures", "tahoon_disagreements_mended"}


def test_no_label_could_hold_an_id_or_a_name(told: Mapping[str, frozenset[str]]) -> None:
    words = {"method", "route", "status", "reason", "saga", "step", "kind", "outcome", "error", "database", "result"}
    assert {label for labels in told.values() for label in labels} <= words | {"task", "call"}


def test_the_guide_says_what_to_do_about_every_alert() -> None:
    told = set(re.findall(r"^\| `(\w+)` \|", GUIDE.read_text(), re.MULTILINE))
    assert told == ALERTS.keys()


def test_every_alert_is_seen_to_fire_and_to_stay_silent() -> None:
    seen = [case for test in yaml.safe_load(RULES_TEST.read_text())["tests"] for case in test["alert_rule_test"]]
    for is_fired in (True, False):
        assert {case["alertname"] for case in seen if bool(case["exp_alerts"]) is is_fired} == ALERTS.keys()


@pytest.mark.parametrize("command", [("check", "rules", RULES.name), ("test", "rules", RULES_TEST.name)])
def test_promtool_agrees(command: tuple[str, ...]) -> None:
    promtool = shutil.which("promtool")
    assert promtool, "promtool is missing: it is in Debian's package `prometheus` (.ci/run takes it from there)"
    found = subprocess.run([promtool, *command], cwd=RULES.parent, capture_output=True, text=True, timeout=60)
    assert found.returncode == 0, found.stdout + found.stderr
