"""The product's own rules and routes, judged by the tools of their systems with known numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest

from intake.http.metrics import IntakeMetrics
from runtime.alive.gauges import Gauge, RegistryGauges
from tests.integration.alive.conftest import RULES
from tests.integration.monitoring.test_rules import ROUTE, tool

ROUND = "runbooks_last_round_timestamp_seconds"
WORKER, INTAKE = f'{ROUND}{{process="worker",instance="w:1"}}', f'{ROUND}{{process="intake",instance="i:1"}}'
NOW = "0+15x400"
"""A time that is always now: promtool's clock begins at 0, and a sample comes every 15 s."""
SEEN = {WORKER: NOW, INTAKE: NOW}
WORKERS = 'runbooks_workers{task_queue="runbooks"}'
DAILY = 'runbooks_check_overdue_seconds{check="daily"}'
NODE = 'node_filesystem_%s_bytes{job="temporal-node",instance="t:9100",mountpoint="/",fstype="ext4"}'
SENT = 'runbooks_announcements_total{channel="%s",delivered="%s",instance="w:1"}'
FIRING = 'ALERTS{alertname="%s",alertstate="firing"}'
ANSWERS = 'runbooks_intake_request_seconds_count{path="/v1/alertmanager",status="%s"}'


def rules() -> dict[str, dict[str, Any]]:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


ROWS = [
    (
        "RunbooksWorkerGone",
        {'runbooks_workers{task_queue="runbooks"}': "1x20 0x80"},
        {"task_queue": "runbooks"},
    ),
    ("RunbooksWorkerGone", {'runbooks_workers{task_queue="runbooks"}': "1x20 0x4 1x80"}, None),
    (
        "RunbooksWorkerGone",
        {
            'runbooks_workers{task_queue="runbooks@web-1",process="worker"}': "0x100",
            'runbooks_workers{task_queue="runbooks@web-1",process="intake"}': "0x100",
            WORKERS: "2x100",
        },
        {"task_queue": "runbooks@web-1"},
    ),
    ("RunbooksProcessStalled", SEEN, None),
    (
        "RunbooksProcessStalled",
        {**SEEN, INTAKE: "0+15x20 300x100"},
        {"process": "intake", "instance": "i:1"},
    ),
    ("RunbooksNotSeen", SEEN, None),
    ("RunbooksNotSeen", {INTAKE: NOW}, {"process": "worker"}),
    ("RunbooksNotSeen", {INTAKE: NOW, WORKER: "0+15x20 stale"}, {"process": "worker"}),
    (
        "RunbooksQueueGrows",
        {'runbooks_task_queue_backlog_age_seconds{task_queue="runbooks"}': "0x40 0+15x60"},
        {"task_queue": "runbooks"},
    ),
    (
        "RunbooksQueueGrows",
        {'runbooks_task_queue_backlog_age_seconds{task_queue="runbooks"}': "0x40 90x4 0x60"},
        None,
    ),
    (
        "RunbooksCheckOverdue",
        {'runbooks_check_overdue_seconds{check="daily"}': "4000x100"},
        {"check": "daily"},
    ),
    ("RunbooksCheckOverdue", {'runbooks_check_overdue_seconds{check="daily"}': "3000x100"}, None),
    (
        "WorkflowStuck",
        {
            'runbooks_stuck_runs{service="backend",process="worker"}': "2x100",
            'runbooks_stuck_runs{service="backend",process="intake"}': "2x100",
            'runbooks_stuck_runs{service="postgres",process="worker"}': "0x100",
        },
        {"service": "backend"},
    ),
    ("RunbooksIntakeRefuses", {ANSWERS % 401: "0+1x100", ANSWERS % 200: "0+9x100"}, {"status": "401"}),
    ("RunbooksIntakeRefuses", {ANSWERS % 401: "7x100", ANSWERS % 200: "0+9x100"}, None),
    ("RunbooksIncidentWithoutProgress", {"runbooks_incidents_without_progress": "0x20 2x80"}, {}),
    ("RunbooksIncidentWithoutProgress", {"runbooks_incidents_without_progress": "0x20 1x30 0x60"}, None),
    ("RunbooksAnnouncementsFail", {SENT % ("pager", "false"): "0x60 1x40"}, {"channel": "pager"}),
    (
        "RunbooksAnnouncementsFail",
        {SENT % ("pager", "false"): "3x100", SENT % ("pager", "true"): "0+1x100"},
        None,
    ),
    (
        "RunbooksTemporalDiskFills",
        {'runbooks_temporal_disk_free_ratio{instance="w:1",directory="/data"}': "0.5x40 0.08x60"},
        {"directory": "/data", "instance": "w:1"},
    ),
    (
        "RunbooksTemporalDiskFills",
        {
            NODE % "avail": "9x100",
            NODE % "size": "100x100",
        },
        {"mountpoint": "/", "instance": "t:9100"},
    ),
    ("RunbooksTemporalDiskFills", {'runbooks_temporal_disk_free_ratio{directory="/data"}': "0.2x100"}, None),
    ("RunbooksAlertsRefused", {"runbooks_alerts_refused_total": "0x60 1x40"}, {}),
    ("RunbooksAlertsRefused", {"runbooks_alerts_refused_total": "3x100"}, None),
    ("RunbooksHeartbeatAbsent", {"runbooks_heartbeat_sent_timestamp_seconds": "0+15x20 300x80"}, {}),
    ("RunbooksHeartbeatAbsent", {"runbooks_heartbeat_sent_timestamp_seconds": NOW}, None),
    ("RunbooksHeartbeatAbsent", {}, None),
    ("RunbooksHeartbeatLost", {"runbooks_heartbeat_received_timestamp_seconds": "0+15x10 150x90"}, {}),
    ("RunbooksHeartbeatLost", {"runbooks_heartbeat_received_timestamp_seconds": NOW}, None),
]


def test_each_rule_is_judged() -> None:
    assert {name for name, _, fires in ROWS if fires is not None} == set(rules())


def test_all_of_them_fire_when_they_should_and_only_then(tmp_path: Path) -> None:
    """What fires is compared by its labels: the words may say a number in many ways."""
    tests = [
        {
            "name": f"{place} {name}",
            "interval": "15s",
            "input_series": [{"series": one, "values": values} for one, values in series.items()],
            "promql_expr_test": [
                {
                    "expr": f"count by ({', '.join(labels)}) ({FIRING % name})",
                    "eval_time": "20m",
                    "exp_samples": [] if fires is None else [{"labels": _written(fires), "value": 1}],
                }
            ],
        }
        for place, (name, series, fires) in enumerate(ROWS)
        for labels in [sorted(fires or {})]
    ]
    file = tmp_path / "test.yml"
    content = {"rule_files": [str(RULES)], "evaluation_interval": "15s", "tests": tests}
    file.write_text(yaml.safe_dump(content))
    assert "SUCCESS" in tool("promtool", "test", "rules", file)


def test_a_reader_without_a_token_pages_for_no_service_that_does_not_exist(tmp_path: Path) -> None:
    """The intake is scraped without its token, and a worker too: each rule fires for what there is, once."""
    intake, worker = IntakeMetrics(), CollectorRegistry()
    for gauges in (intake.gauges, RegistryGauges(worker, "worker")):
        gauges.set(Gauge.STUCK_RUNS, 2, "backend")
        for queue in ("runbooks", "runbooks@web-1"):
            gauges.set(Gauge.WORKERS, 0, queue)
            gauges.set(Gauge.BACKLOG_AGE, 90, queue)
    series = [
        {"series": line.rpartition(" ")[0], "values": f"{line.rpartition(' ')[2]}x100"}
        for exported in (intake.nameless, worker)
        for line in generate_latest(exported).decode().splitlines()
        if not line.startswith("#")
    ]
    fires = {"WorkflowStuck": 1, "RunbooksWorkerGone": 2, "RunbooksQueueGrows": 2}
    judged = [
        {
            "expr": f"count({FIRING % name})",
            "eval_time": "20m",
            "exp_samples": [{"labels": "{}", "value": times}],
        }
        for name, times in fires.items()
    ]
    test = {"interval": "15s", "input_series": series, "promql_expr_test": judged}
    file = tmp_path / "test.yml"
    file.write_text(
        yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "15s", "tests": [test]})
    )
    assert "SUCCESS" in tool("promtool", "test", "rules", file)


def test_the_scrapes_that_are_shown_give_the_intake_its_token() -> None:
    shown = (RULES.parents[2] / "docs/monitoring.md").read_text().split("```yaml\n")
    (scrapes,) = (one.split("```")[0] for one in shown if one.startswith("scrape_configs:"))
    jobs = {job["job_name"]: job for job in yaml.safe_load(scrapes)["scrape_configs"]}
    assert jobs["runbooks-intake"]["authorization"]["credentials_file"]


def _written(labels: dict[str, str]) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in sorted(labels.items())) + "}"


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        (("alertname=ServiceDown", "service=backend"), "runbooks"),
        (("alertname=RunbooksHeartbeat", "product=runbooks"), "heartbeat"),
        (("alertname=RunbooksWorkerGone", "product=runbooks"), "people,runbooks"),
        (("alertname=WorkflowStuck", "product=runbooks", "service=backend"), "people,runbooks"),
    ],
    ids=lambda one: one if isinstance(one, str) else one[0],
)
def test_what_is_wrong_with_the_runbooks_reaches_people_without_them(
    labels: tuple[str, ...], receivers: str
) -> None:
    said = tool("amtool", "config", "routes", "test", f"--config.file={ROUTE}", *labels)
    assert said.strip() == receivers


@pytest.mark.parametrize("name", list(rules()))
def test_each_rule_names_who_it_concerns(name: str) -> None:
    labels = rules()[name]["labels"]
    assert labels["product"] == "runbooks"
    assert name == "WorkflowStuck" or labels["service"] == "runbooks"
    assert name.startswith("Runbooks") or name == "WorkflowStuck"
