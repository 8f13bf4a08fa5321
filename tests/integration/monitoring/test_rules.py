"""The shipped alert rules and routes, judged by the tools of their systems with known numbers."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

import demo.monitoring
from runtime import settings
from tests.parts.requirements import missing
from workflows.runbooks.registry import NAMES

HERE = Path(demo.monitoring.__file__).parent
ROOT = Path(__file__).parents[3]
RULES = ROOT / "deploy" / "monitoring" / "rules.yml"
ROUTE = ROOT / "deploy" / "monitoring" / "alertmanager.yml"
SHIPPED = settings.load(ROOT / "runbooks.yaml", {})
AS_THE_SOURCE_HAS_IT = 'rate(http_requests_total{status=~"5.."}[5m]) / rate(http_requests_total[5m])'
MINUTES = 20
EVERY = 15

Series = dict[str, str]


def tool(name: str, *arguments: object) -> str:
    """Run one of the tools; what it says is the reason when it is not content."""
    program = shutil.which(name)
    if program is None:
        package = {"promtool": "prometheus", "amtool": "prometheus-alertmanager"}[name]
        missing(f"{name} is not installed: apt-get install {package}")
    ended = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def rules() -> dict[str, dict[str, Any]]:
    """The shipped rules by alert name."""
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


def requests(good: int, bad: int, job: str = "backend") -> Series:
    """So many answers of each kind in each step; the errors on one route only."""
    series = {f'http_requests_total{{job="{job}",route="/health",status="200"}}': f"0+{good}x100"}
    if bad:
        series[f'http_requests_total{{job="{job}",route="/checkout",status="503"}}'] = f"0+{bad}x100"
    return series


def judge(directory: Path, series: Series, every: int = EVERY, **expected: object) -> None:
    """Have promtool play the series against the rules, with a sample every so many seconds."""
    test = {
        "interval": f"{every}s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        **expected,
    }
    file = directory / "test.yml"
    file.write_text(
        yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": f"{every}s", "tests": [test]})
    )
    tool("promtool", "test", "rules", file)


def expect(directory: Path, series: Series, alert: str, *fires: dict[str, Any], at: str = "20m") -> None:
    """Exactly these alerts of one name fire; none when none is given."""
    judge(
        directory,
        series,
        alert_rule_test=[{"eval_time": at, "alertname": alert, "exp_alerts": list(fires)}],
    )


def value(directory: Path, series: Series, query: str, *samples: tuple[str, float]) -> None:
    """An expression has exactly these values."""
    expected = [{"labels": labels, "value": number} for labels, number in samples]
    judge(
        directory,
        series,
        promql_expr_test=[{"expr": query, "eval_time": f"{MINUTES}m", "exp_samples": expected}],
    )


def firing(name: str, description: str, **labels: str) -> dict[str, Any]:
    rule = rules()[name]
    return {
        "exp_labels": {**rule["labels"], **labels},
        "exp_annotations": {**rule["annotations"], "description": description},
    }


BROKEN = "BrokenEndpoint"


@pytest.mark.parametrize(
    ("good", "bad", "share"),
    [(30, 10, ""), (20, 20, "50%"), (0, 30, "100%"), (0, 1, "")],
    ids=["a quarter", "half", "all", "too few requests"],
)
def test_one_endpoint_is_broken(tmp_path: Path, good: int, bad: int, share: str) -> None:
    """The others answer, and are not named."""
    broken = {
        f'http_requests_total{{job="backend",route="/api/a",status="{status}"}}': f"0+{number}x100"
        for status, number in (("200", good), ("500", bad))
        if number
    }
    says = f"{share} of the requests of /api/a are answered 5xx."
    fires = [firing(BROKEN, says, route="/api/a")] if share else []
    expect(tmp_path, {**requests(good=100, bad=0), **broken}, BROKEN, *fires)


def test_every_rule_file_is_valid() -> None:
    for path in (RULES, RULES.parent / "product.yml", HERE / "rules.yml"):
        assert "SUCCESS" in tool("promtool", "check", "rules", path)


def test_the_demo_prometheus_is_valid(tmp_path: Path) -> None:
    shutil.copyfile(HERE / "rules.yml", tmp_path / "rules.yml")
    file = tmp_path / "prometheus.yml"
    quoted = json.dumps(str(tmp_path / "rules.yml"))
    filled = demo.monitoring.render(
        "prometheus.yml", rules=quoted, backend="127.0.0.1:1", alertmanagers='"127.0.0.1:2"'
    )
    file.write_text(filled)
    tool("promtool", "check", "config", file)


def test_both_routes_are_valid(tmp_path: Path) -> None:
    tool("amtool", "check-config", ROUTE)
    token = tmp_path / "token"
    token.write_text("secret")
    file = tmp_path / "alertmanager.yml"
    quoted = json.dumps(str(token))
    file.write_text(
        demo.monitoring.render("alertmanager.yml", intake="http://127.0.0.1:1", token_file=quoted)
    )
    tool("amtool", "check-config", file)


def test_the_route_takes_everything_one_notification_an_incident() -> None:
    shipped = yaml.safe_load(ROUTE.read_text())
    assert shipped["route"]["group_by"] == ["alertname", "service"]
    (hook,) = next(one for one in shipped["receivers"] if one["name"] == "runbooks")["webhook_configs"]
    assert hook["url"].endswith("/v1/alertmanager")
    assert hook["send_resolved"] is True


@pytest.mark.parametrize("name", [name for name in rules() if name in NAMES])
def test_each_rule_leads_to_its_runbook_and_service(name: str) -> None:
    rule = rules()[name]
    labels = rule["labels"]
    assert SHIPPED.runbook_for(name) == name
    assert SHIPPED.service_named(name, labels) == labels["service"]
    assert labels["service"] in SHIPPED.services
    assert SHIPPED.severity_for(name, labels) == labels["severity"]
    assert {"summary", "description"} <= rule["annotations"].keys()


def test_the_alert_and_the_runbook_judge_by_the_same_number() -> None:
    metrics = SHIPPED.services["backend"].metrics
    assert metrics is not None
    expression, _, threshold = rules()["HighErrorRate"]["expr"].rpartition(">")
    assert expression.split() == metrics.ratio.split()
    assert float(threshold) == metrics.threshold


def test_six_percent_of_errors_fire(tmp_path: Path) -> None:
    said = "6% of the requests of the last 5 minutes were answered 5xx."
    expect(tmp_path, requests(94, 6), "HighErrorRate", firing("HighErrorRate", said))


@pytest.mark.parametrize(
    "series",
    [
        pytest.param(requests(96, 4), id="4 %"),
        pytest.param(requests(95, 5), id="5 % is not more than 5 %"),
        pytest.param(requests(100, 0), id="no errors"),
        pytest.param(requests(0, 0), id="no traffic"),
        pytest.param({}, id="no series"),
        pytest.param(requests(0, 100, job="somebody-else"), id="another job"),
    ],
)
def test_few_errors_and_no_traffic_do_not_fire(tmp_path: Path, series: Series) -> None:
    expect(tmp_path, series, "HighErrorRate")


def test_the_ratio_is_summed_before_it_is_divided(tmp_path: Path) -> None:
    metrics = SHIPPED.services["backend"].metrics
    assert metrics is not None
    value(tmp_path, requests(96, 4), metrics.ratio, ("{}", 0.04))
    value(tmp_path, requests(96, 4), metrics.by_route, ('{route="/checkout"}', 1))
    value(tmp_path, requests(100, 0), metrics.ratio, ("{}", 0))
    value(tmp_path, {}, metrics.ratio)
    itself = '{job="backend",route="/checkout",status="503"}'
    value(tmp_path, requests(96, 4), AS_THE_SOURCE_HAS_IT, (itself, 1))


def test_the_heap_is_known_with_and_without_a_limit(tmp_path: Path) -> None:
    metrics = SHIPPED.services["backend"].metrics
    assert metrics is not None
    used = {'nodejs_heap_size_used_bytes{job="backend"}': f"{2**30}x100"}
    value(tmp_path, used, metrics.heap, ("{}", 0.5))
    limited = {
        **used,
        'nodejs_heap_used_bytes{job="backend"}': f"{2**30}x100",
        'nodejs_heap_size_limit_bytes{job="backend"}': f"{2**32}x100",
    }
    value(tmp_path, limited, metrics.heap, ("{}", 0.25))


def test_a_service_that_stays_away_fires_and_one_missed_scrape_does_not(tmp_path: Path) -> None:
    up = 'up{job="backend",instance="backend:3000"}'
    said = "backend:3000 could not be scraped for a minute."
    down = firing("ServiceDown", said, job="backend", instance="backend:3000")
    expect(tmp_path, {up: "1x8 0x80"}, "ServiceDown", down)
    expect(tmp_path, {up: "1x8 0x2 1x80"}, "ServiceDown", at="2m45s")
    expect(tmp_path, {up: "1x80"}, "ServiceDown")


def test_a_database_away_fires_and_an_exporter_away_does_not(tmp_path: Path) -> None:
    up = 'pg_up{job="postgres",instance="exporter:9187"}'
    said = "exporter:9187 could not connect for half a minute."
    down = firing("DatabaseConnectionFailure", said, job="postgres", instance="exporter:9187")
    expect(tmp_path, {up: "1x8 0x80"}, "DatabaseConnectionFailure", down)
    expect(tmp_path, {up: "1x80"}, "DatabaseConnectionFailure")
    expect(tmp_path, {'up{job="postgres"}': "0x80"}, "DatabaseConnectionFailure")


def spent(dollars_an_hour: float, hours: int = 30, job: str = "backend") -> Series:
    """A counter of one provider, by the step of five minutes."""
    name = f'affiliate_api_cost_dollars{{job="{job}",service="openai"}}'
    return {name: f"0+{dollars_an_hour / 12}x{hours * 12}"}


def expect_bill(directory: Path, series: Series, *fires: dict[str, Any], at: str = "30h") -> None:
    test = [{"eval_time": at, "alertname": "HighApiCosts", "exp_alerts": list(fires)}]
    judge(directory, series, every=300, alert_rule_test=test)


def test_more_than_the_budget_in_a_day_fires_after_an_hour(tmp_path: Path) -> None:
    fires = firing("HighApiCosts", "$120.00 were spent in the last 24 hours.")
    expect_bill(tmp_path, spent(5), fires)
    expect_bill(tmp_path, spent(5), at="20h45m")  # 100 dollars are passed, for less than an hour
    expect_bill(tmp_path, spent(4))
    expect_bill(tmp_path, spent(5, job="somebody-else"))
    expect_bill(tmp_path, {})


def test_a_total_of_more_than_a_day_is_no_daily_spend(tmp_path: Path) -> None:
    """The source compares the metric itself: after five days of 24 dollars it would fire."""
    expect_bill(tmp_path, spent(1, hours=125), at="125h")


def test_a_restart_hides_no_spend(tmp_path: Path) -> None:
    halves = "0+0.5x150 0+0.5x210"  # 75 dollars, and then what a new process spends
    fires = firing("HighApiCosts", "$143.50 were spent in the last 24 hours.")
    expect_bill(tmp_path, {'affiliate_api_cost_dollars{job="backend",service="pika"}': halves}, fires)


def test_the_alert_of_costs_and_its_runbook_judge_by_the_same_number() -> None:
    costs = SHIPPED.services["backend"].costs
    assert costs is not None
    expression, _, threshold = rules()["HighApiCosts"]["expr"].rpartition(">")
    (inner,) = re.findall(r"increase\(.*?\[\$window\]\)", costs.spent)
    assert expression.strip() == f"sum({inner.replace('$window', '24h')})"
    assert (float(threshold), costs.per.days) == (costs.budget, 1)


HOURS = 8 * 240
"""Samples of eight hours."""


def heap(values: str) -> Series:
    return {
        'nodejs_heap_used_bytes{job="backend"}': values,
        'nodejs_heap_size_limit_bytes{job="backend"}': f"1000x{HOURS}",
    }


def test_the_alert_of_a_growing_heap_judges_by_the_heap_of_the_runbook() -> None:
    metrics = SHIPPED.services["backend"].metrics
    assert metrics is not None
    assert "".join(metrics.heap.split()) in "".join(rules()["MemoryKeepsGrowing"]["expr"].split())


def test_a_heap_that_keeps_growing_fires(tmp_path: Path) -> None:
    said = "The heap grows by 14.4% of its limit in six hours."
    growing = firing("MemoryKeepsGrowing", said)
    expect(tmp_path, heap(f"300+0.1x{HOURS}"), "MemoryKeepsGrowing", growing, at="7h")
    expect(tmp_path, heap(f"300+0.1x{HOURS}"), "MemoryKeepsGrowing", at="20m")


@pytest.mark.parametrize(
    ("values", "at"),
    [
        pytest.param(f"300x{HOURS}", "7h", id="steady"),
        pytest.param(f"300+0.02x{HOURS}", "7h", id="too little to tell"),
        pytest.param("300x720 500x1200", "7h", id="a step of four hours ago"),
        pytest.param(" ".join(["300+10x19"] * 96), "7h", id="collected every five minutes"),
        pytest.param("300+0.1x1440 300x480", "7h30m", id="restarted, and steady since"),
    ],
)
def test_a_heap_that_does_not_keep_growing_does_not_fire(tmp_path: Path, values: str, at: str) -> None:
    expect(tmp_path, heap(values), "MemoryKeepsGrowing", at=at)


def filled(used: str, limit: int | None = 1000, job: str = "backend", name: str = "heap_used") -> Series:
    series = {f'nodejs_{name}_bytes{{job="{job}"}}': used}
    if limit is not None:
        series[f'nodejs_heap_size_limit_bytes{{job="{job}"}}'] = f"{limit}x100"
    return series


def test_a_heap_that_stays_full_for_ten_minutes_fires(tmp_path: Path) -> None:
    fires = firing("HighMemoryUsage", "95% of the heap are in use for ten minutes.")
    expect(tmp_path, filled("950x100"), "HighMemoryUsage", fires)
    expect(tmp_path, filled("950x100"), "HighMemoryUsage", at="9m")
    expect(tmp_path, filled("850x100"), "HighMemoryUsage")
    expect(tmp_path, filled("950x100", job="somebody-else"), "HighMemoryUsage")


def test_a_heap_that_is_collected_in_time_does_not_fire(tmp_path: Path) -> None:
    """Over 90 % between two collections, each eight minutes, and far below after each."""
    teeth = " ".join(["950x31 300x0"] * 4)
    expect(tmp_path, filled(teeth), "HighMemoryUsage")


def test_what_a_heap_has_taken_so_far_is_not_its_limit(tmp_path: Path) -> None:
    """Stock metrics of Node.js: nearly all that was taken is in use, and it is far from its limit."""
    taken = {'nodejs_heap_size_total_bytes{job="backend"}': "100000000x100"}
    stock = filled("95000000x100", limit=None, name="heap_size_used")
    expect(tmp_path, {**stock, **taken}, "HighMemoryUsage")
    two_gib = filled("2040109466x100", limit=None, name="heap_size_used")
    expect(
        tmp_path,
        two_gib,
        "HighMemoryUsage",
        firing("HighMemoryUsage", "95% of the heap are in use for ten minutes."),
    )


def test_the_alert_of_memory_and_its_runbook_judge_by_the_same_number() -> None:
    metrics = SHIPPED.services["backend"].metrics
    assert metrics is not None
    expression, _, threshold = rules()["HighMemoryUsage"]["expr"].rpartition(">")
    assert " ".join(expression.split()) == " ".join(metrics.heap.split())
    assert float(threshold) == metrics.memory.full


def test_the_shipped_expressions_of_memory_give_the_known_numbers(tmp_path: Path) -> None:
    metrics = SHIPPED.services["backend"].metrics
    assert metrics is not None
    value(tmp_path, filled("750x100"), metrics.memory.used, ("{}", 750))
    value(tmp_path, filled("640x100", limit=None, name="heap_size_used"), metrics.memory.used, ("{}", 640))
    by_route = {
        f'http_requests_total{{job="backend",route="{one}"}}': f"0+{n}x100"
        for one, n in (("/a", 30), ("/b", 15))
    }
    value(tmp_path, by_route, metrics.memory.by_route, ('{route="/a"}', 2), ('{route="/b"}', 1))


def earned(first_day: float, later: float, job: str = "backend") -> Series:
    """A counter, by the step of five minutes: a day of the first pace, and thirty hours of the other."""
    then = 288 * first_day
    values = f"0+{first_day}x288 {then + later}+{later}x360"
    return {f'affiliate_revenue_dollars{{job="{job}",platform="youtube"}}': values}


def expect_decline(directory: Path, series: Series, *fires: dict[str, Any], at: str = "50h") -> None:
    test = [{"eval_time": at, "alertname": "RevenueDeclining", "exp_alerts": list(fires)}]
    judge(directory, series, every=300, alert_rule_test=test)


def test_a_day_that_earns_less_than_the_day_before_fires_after_an_hour(tmp_path: Path) -> None:
    fires = firing("RevenueDeclining", "$144.00 were earned in the last 24 hours.")
    expect_decline(tmp_path, earned(1, 0.5), fires)
    expect_decline(tmp_path, earned(1, 1))
    expect_decline(tmp_path, earned(0.5, 1))
    expect_decline(tmp_path, earned(1, 0.5, job="somebody-else"))
    expect_decline(tmp_path, earned(1, 1), at="20h")


def videos(values: str, job: str = "backend") -> Series:
    return {f'affiliate_videos_generated_total{{job="{job}"}}': values}


def expect_videos(directory: Path, series: Series, *fires: dict[str, Any], at: str = "3h") -> None:
    test = [{"eval_time": at, "alertname": "NoVideosGenerated", "exp_alerts": list(fires)}]
    judge(directory, series, every=60, alert_rule_test=test)


def test_two_hours_without_a_video_fire_and_what_is_new_or_away_does_not(tmp_path: Path) -> None:
    fires = firing("NoVideosGenerated", "The counter of generated videos has not grown for two hours.")
    expect_videos(tmp_path, videos("0+1x30 30x200"), fires)
    expect_videos(tmp_path, videos("0+1x60 60x30 61x200"))  # one came 90 minutes ago
    expect_videos(tmp_path, videos("0+1x50 50x60 0x200"), fires)  # a restart is no video
    expect_videos(tmp_path, {f"{name}": "_x70 0x200" for name in videos("")})  # it is new
    expect_videos(tmp_path, videos("0+1x30 30x20"))  # it is scraped no more: nobody knows
    expect_videos(tmp_path, videos("30x200", job="somebody-else"))
    expect_videos(tmp_path, {})


def synced(values: str, job: str = "backend", source: str = "amazon") -> Series:
    """A counter of products, by the step of a minute."""
    return {f'affiliate_products_synced_total{{job="{job}",source="{source}"}}': values}


@pytest.mark.parametrize(
    ("series", "at", "fires"),
    [
        pytest.param(synced("0+5x60 300x180"), "2h10m", True, id="nothing for an hour"),
        pytest.param(synced("0+5x60 300x180"), "1h50m", False, id="nothing for fifty minutes"),
        pytest.param(synced("0+5x240"), "3h", False, id="a sync now and then"),
        pytest.param({**synced("0+5x240"), **synced("7x240", source="ebay")}, "3h", False, id="one of two"),
        pytest.param(synced("0x240"), "50m", False, id="the first hour"),
        pytest.param(synced("0+5x100 0+5x140"), "3h", False, id="restarted, and syncing"),
        pytest.param(synced("0+5x60 300x180", job="somebody-else"), "2h10m", False, id="another job"),
        pytest.param({}, "3h", False, id="no series"),
    ],
)
def test_an_hour_without_a_product_fires(tmp_path: Path, series: Series, at: str, fires: bool) -> None:
    expected = [firing("NoProductsSynced", "The backend synced no product in the last hour.")] * fires
    test = [{"eval_time": at, "alertname": "NoProductsSynced", "exp_alerts": expected}]
    judge(tmp_path, series, every=60, alert_rule_test=test)
