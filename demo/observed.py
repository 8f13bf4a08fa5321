"""What `runbooks.yaml` says about a backend that Prometheus observes, and about all that is around it.

The windows are seconds, where production has minutes: the demo need not wait.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from demo.backend.degradation import BYPASS
from demo.orchestrator.loop import LOOP
from demo.orchestrator.speech import SPEECH
from demo.parts.video_state import USUAL_BUDGET
from demo.systems.compose import ComposedServices
from demo.systems.services import Services
from demo.systems.surroundings import Surroundings
from demo.systems.temporal import AFFILIATE, Temporal

WINDOW = "5s"
WATCHED = "12s"
"""How far back the growth of a heap is judged."""
_ASKED = 'route!~"/health|/metrics|/faults/.*"'
"""What people ask for: neither health checks nor scrapes are traffic."""
_FAILED = f'sum(rate(http_requests_total{{status=~"5..",{_ASKED}}}[{WINDOW}]))'
_ALL = f"sum(rate(http_requests_total{{{_ASKED}}}[{WINDOW}]))"


RATIO = f"({_FAILED} or vector(0)) / {_ALL}"
"""The share of the users' requests that fail: what the alert is raised by, and the runbook looks at."""
THRESHOLD = 0.05
TRAFFIC = _ALL
CPU = f"max(rate(process_cpu_seconds_total[{WINDOW}]))"
CPU_FULL = 0.25
"""Cores: what the backend sheds its heavy requests above, as an operator would know of it."""
PAUSED_RECENTLY = timedelta(seconds=1)
BUDGET, BUDGET_FOR, PACE_OVER = 15, 15, 4
"""Dollars, and seconds: a dollar a second is what the backend may spend."""
SPENT = f"sum(increase(affiliate_api_cost_dollars[{BUDGET_FOR}s]))"
PACE = f"sum(rate(affiliate_api_cost_dollars[{PACE_OVER}s]))"
FULL = 0.55
"""The share of the heap above which it is too full. The backend needs some 30 % of it."""
HEAP = "max(nodejs_heap_used_bytes / nodejs_heap_size_limit_bytes)"


_ANSWERED = 'route!~"/health|/metrics|/faults/.*|/api/orchestrator/.*"'
"""What users wait for: an order to the orchestrator takes as long as its workflow."""
_TIMES = f"http_request_duration_seconds_bucket{{{_ANSWERED}}}[{WINDOW}]"
_CALLS = f"external_request_duration_seconds_bucket[{WINDOW}]"
P95 = f"histogram_quantile(0.95, sum by (le) (rate({_TIMES})))"
SLOW = 0.25
"""Seconds: one of the bounds of its histogram. A slower p95 is what the alert is raised by."""


def observed(services: Services, surroundings: Surroundings, temporal: Temporal) -> dict[str, Any]:
    """The keys of the backend by which HighErrorRate judges and acts."""
    switch = f"{services.backend.url}/api/degradation"
    token = {"file": str(surroundings.switch_token)}
    keys: dict[str, Any] = {
        "logs": {"lines": 200},  # one stack trace of it fills fifty
        "metrics": _metrics(surroundings.prometheus.url),
        "providers": {
            "openai": {"url": f"{surroundings.provider.url}/v1/models", "timeout": "1s"},
            "pika": {"url": f"{surroundings.generator.url}/api/v1/health", "timeout": "1s"},
        },
        "videos": _videos(services.backend.url, token),
        "sentry": {
            "url": surroundings.sentry.url,
            "organization": "demo",
            "project": "backend",
            "token": {"file": str(surroundings.sentry_token)},
        },
        "temporal": {
            "address": temporal.address,
            "namespace": AFFILIATE,
            "ui": temporal.ui,
            "window": "5s",
            "schedules": [LOOP, SPEECH],
            "starts_window": "6s",
            "starts_before": "1m",
            "starts_floor": 4,
            "paused_recently": f"{PAUSED_RECENTLY.total_seconds():g}s",
            "run_takes": "3s",
        },
        "api": {
            "url": services.backend.url,
            "sync_takes": "4s",
            "products_from": ["amazon"],
            "smaller_sync": {"limit": 5},
        },
        "costs": _costs(surroundings.prometheus.url),
        "degradation": {
            "on": {"url": switch, "body": {"degraded": True}, "token": token},
            "off": {"url": switch, "body": {"degraded": False}, "token": token},
            "at_most": "10m",
        },
        "clear_cache": {"url": f"{services.backend.url}/api/cache/clear", "token": token},
        "diagnostic": {
            "signal": "SIGUSR2",
            "directory": str(services.backend.snapshots),
            "at_most": "5s",
            "largest": "1m",
            "needs_memory": 0,
        },
    }
    keys["endpoints"] = _endpoints(services.backend.url, token)
    if isinstance(services, ComposedServices):
        keys["rollback"] = None  # the way back is the image before
    return keys


def _videos(backend: str, token: dict[str, str]) -> dict[str, Any]:
    generator = {"url": f"{backend}/api/videos/generator", "token": token}
    return {
        "takes": "8s",
        "every": "500ms",
        "workflows": ["GenerateVideos"],
        "providers": ["pika"],
        "provider_back_within": "30s",
        "backup": {
            "name": "the generator of texts",
            "on": {**generator, "body": {"backup": True}},
            "off": {**generator, "body": {"backup": False}},
            "at_most": "10m",
        },
        "budget": {
            "url": f"{backend}/api/cost-tracking/budget",
            "usual": USUAL_BUDGET,
            "raised": 150,
            "token": token,
        },
    }


def _metrics(prometheus: str) -> dict[str, Any]:
    failed, every = (one.replace("sum(", "sum by (route) (") for one in (_FAILED, _ALL))
    return {
        "prometheus": prometheus,
        "ratio": RATIO,
        "by_route": f"{failed} / {every}",
        "threshold": THRESHOLD,
        "traffic": TRAFFIC,
        "window": WINDOW,
        "min_rate": 1,
        "min_requests": 10,
        "heap": HEAP,
        "cpu": CPU,
        "cpu_full": CPU_FULL,
        "fresh_for": "5s",
        "onset_within": "2m",
        "heap_window": "12s",
        "heap_growth": 0.1,
        "memory": {
            "full": FULL,
            "floor_over": "2s",
            "urgent_within": "5s",
            "caches": "sum by (cache) (cache_size_bytes)",
            "by_route": _ALL.replace("sum(", "sum by (route) ("),
            "watch": {
                "over": WATCHED,
                "growth": 0.08,
                "lasts": "5s",
                "every": "1s",
                "after_fix": "5s",
                "after_fix_every": "1s",
            },
        },
        "settle": "30s",
        "latency": {
            "p95": P95,
            "p99": P95.replace("0.95", "0.99"),
            "by_route": P95.replace("(le)", "(le, route)"),
            "buckets": f"sum by (le) (rate({_TIMES}))",
            "traffic": f"sum(rate(http_request_duration_seconds_count{{{_ANSWERED}}}[{WINDOW}]))",
            "by_provider": f"histogram_quantile(0.95, sum by (le, provider) (rate({_CALLS})))",
            "collecting": f"max(rate(nodejs_gc_duration_seconds_sum[{WINDOW}]))",
            "threshold": f"{SLOW:g}s",
            "provider_threshold": "300ms",
            "usual_over": "2m",
        },
    }


def _costs(prometheus: str) -> dict[str, Any]:
    """A budget for seconds, of which each is an hour of the backend's loop."""
    once_a_day = {"at_least": 86400, "default": 3600}
    products, videos = {"at_most": 10, "default": 20}, {"at_most": 5, "default": 10}
    theirs = {"workflows": ["GenerateVideos"]}
    return {
        "prometheus": prometheus,
        "fresh_for": "5s",
        "budget": BUDGET,
        "per": f"{BUDGET_FOR}s",
        "pace_over": f"{PACE_OVER}s",
        "retried": 5,
        "apis": {
            "openai": {"because_of": "tokens", "settings": {"MAX_PRODUCTS_PER_RUN": products}, **theirs},
            "anthropic": {
                "because_of": "generation",
                "settings": {"DAILY_LOOP_INTERVAL": once_a_day},
                **theirs,
            },
            "pika": {"because_of": "videos", "settings": {"MAX_VIDEOS_PER_RUN": videos}, **theirs},
            "elevenlabs": {"because_of": "loops", "workflows": ["GenerateSpeech"]},
        },
        "settings": {
            "DAILY_LOOP_INTERVAL": once_a_day,
            "MAX_PRODUCTS_PER_RUN": products,
            "MAX_VIDEOS_PER_RUN": videos,
            "SENTRY_TRACES_SAMPLE_RATE": {"at_most": 0.05, "default": 0.1},
        },
    }


def _endpoints(backend: str, token: dict[str, str]) -> dict[str, Any]:
    """The endpoints that may be probed; each can be taken out of service, and is seen behind its switch."""

    def known(path: str, route: str = "", **more: Any) -> dict[str, Any]:
        def call(state: str) -> dict[str, Any]:
            body = {"path": route or path, "state": state}
            return {"url": f"{backend}/api/endpoints", "body": body, "token": token}

        return {
            "path": path,
            "names": [route] if route else [],
            "timeout": "2s",
            "maintenance": {"on": call("maintenance"), "off": call("open")},
            "disable": {"on": call("disabled"), "off": call("open")},
            "bypass": {"header": BYPASS, "value": token},
            **more,
        }

    return {
        "url": backend,
        "known": [
            known("/api/cost-tracking/budget-status", expects={"has": ["reached"]}),
            known("/api/analytics/products"),
            known("/api/products/1", "/api/products/{id}", records=["/api/products/2", "/api/products/7"]),
            known("/api/products/count"),
            known("/api/videos/ideas"),
        ],
    }
