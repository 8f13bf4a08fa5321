"""Every activity of the product with its clients, each object built once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
from temporalio import activity
from temporalio.client import Client

from activities.active_alerts.unexpected import ActiveAlertActivities
from activities.alerts_history.alerts import AlertHistoryActivities
from activities.alerts_history.incidents import IncidentHistoryActivities
from activities.analytics.analytics import AnalyticsActivities
from activities.answers.answers import AnswerActivities
from activities.app.api import AppApi
from activities.app.degradation import DegradationActivities
from activities.app.executions import AppTemporalActivities
from activities.app.open_executions import OpenExecutionActivities
from activities.app.products import ProductActivities
from activities.app.retry_proposal import RetryProposalActivities
from activities.app.retrying import RetryActivities
from activities.app.starts import StartActivities
from activities.app.switches import Switches
from activities.app.sync import SyncActivities
from activities.backups.backups import BackupActivities
from activities.baselines.p95 import BaselineActivities
from activities.baselines.thresholds import ThresholdActivities
from activities.checks.policy import CheckPolicyActivities
from activities.checks.reports import CheckReportActivities
from activities.databases.overview import DatabaseOverviewActivities
from activities.doctor.examine import DoctorActivities
from activities.drill.drill import DrillActivities
from activities.endpoints.probe import EndpointActivities
from activities.endpoints.routes import RouteActivities
from activities.endpoints.switches import EndpointSwitchActivities
from activities.errors_history.patterns import PatternActivities
from activities.errors_history.route_errors import RouteErrorActivities
from activities.files.clean_up import CleanUpActivities
from activities.files.diagnostic import DiagnosticActivities
from activities.files.environment import EnvironmentActivities
from activities.files.heap_limit import HeapLimitActivities
from activities.files.recreate import RecreateActivities
from activities.files.savings import SavingActivities
from activities.forecasts.forecasts import ForecastActivities
from activities.grafana.annotations import IncidentMarks
from activities.grafana.backup import DashboardActivities
from activities.health.dependencies import DependencyActivities
from activities.health.probe import HealthActivities
from activities.incidents.aged import AgedIncidentActivities
from activities.incidents.control_room import ControlRoomActivities
from activities.incidents.open_incidents import OpenIncidentActivities
from activities.incidents.own_runs import OwnRunActivities
from activities.incidents.policy import PolicyActivities
from activities.incidents.starting import StartIncidentActivities
from activities.incidents.stewardship import StewardshipActivities
from activities.lessons.lessons import LessonActivities
from activities.managers import Managers
from activities.memory.busier import BusierRouteActivities
from activities.memory.caches import CacheActivities
from activities.memory.emitters import EmitterActivities
from activities.memory.started_around import StartedAroundActivities
from activities.monitoring.alertmanager import AlertSourceActivities
from activities.monitoring.costs import CostActivities
from activities.monitoring.latency import LatencyActivities
from activities.monitoring.memory import MemoryActivities
from activities.monitoring.memory_growth import GrowthActivities
from activities.monitoring.prometheus import Prometheus
from activities.monitoring.provider_latency import ProviderTimeActivities
from activities.monitoring.providers import ProviderActivities
from activities.monitoring.sentry import SentryActivities
from activities.monitoring.service_metrics import ServiceMetricActivities
from activities.notify.announce import ChannelActivities
from activities.notify.build import build_channels
from activities.packages.clients import Clients
from activities.people.keys import SigningKeys
from activities.people.links import with_links
from activities.people.signatures import SignatureActivities
from activities.postgres.analyze import AnalyzeActivities
from activities.postgres.check import PostgresActivities
from activities.postgres.sessions import SessionActivities
from activities.postgres.settings import PostgresSettingActivities
from activities.postgres.slowness import SlownessActivities
from activities.retention.retention import RetentionActivities
from activities.review.reviews import ReviewActivities
from activities.schedules.actions import ScheduleActionActivities
from activities.schedules.schedules import ScheduleActivities
from activities.scraping.targets import TargetActivities
from activities.service.actions import ActionActivities
from activities.service.host import HostActivities
from activities.service.log_search import LogSearchActivities
from activities.service.logs import LogActivities
from activities.service.metrics_sample import MetricsSampleActivities
from activities.service.networks import NetworkActivities
from activities.service.ports import PortActivities
from activities.service.processes import ProcessActivities
from activities.service.retries import RetryLineActivities
from activities.stack.engines import EngineActivities
from activities.stack.monitoring import MonitoringActivities
from activities.support.secrets import resolve
from activities.videos.budget import BudgetActivities
from activities.videos.generators import GeneratorActivities
from activities.videos.videos import VideoActivities
from models.configuration.configuration import Configuration
from workflows.lessons.cause_rows import cause_rows
from workflows.runbooks.classes import every_runbook

Activity = Callable[..., Any]


def build(
    client: Client,
    http: httpx.AsyncClient,
    managers: Managers,
    configuration: Callable[[], Configuration],
    brought: Sequence[type[object]] = (),
) -> list[Activity]:
    """Every activity, with its clients, each object built once; also of these classes of packages."""
    now = configuration()
    health, processes, postgres = HealthActivities(http), ProcessActivities(managers), PostgresActivities()
    api, switches = AppApi(http), Switches(http)
    products = ProductActivities(api)
    rows = {one.__name__: cause_rows(one) for one in every_runbook()}
    return activities_of(
        PolicyActivities(configuration, client),
        SignatureActivities(SigningKeys(configuration)),
        CheckPolicyActivities(configuration),
        CheckReportActivities(configuration),
        DoctorActivities(http, managers, configuration),
        BackupActivities(),
        DrillActivities(),
        ThresholdActivities(http, Path(now.directories.reviews)),
        AlertHistoryActivities(Prometheus(http), configuration),
        IncidentHistoryActivities(client),
        RouteErrorActivities(Prometheus(http)),
        PatternActivities(SentryActivities(http)),
        RetentionActivities(Prometheus(http)),
        DashboardActivities(http),
        StewardshipActivities(client),
        ControlRoomActivities(client, configuration),
        OpenIncidentActivities(client),
        StartIncidentActivities(client, configuration),
        AgedIncidentActivities(client),
        ActiveAlertActivities(http),
        TargetActivities(http),
        BaselineActivities(Prometheus(http)),
        health,
        processes,
        postgres,
        DependencyActivities(health, processes, postgres),
        LogActivities(managers),
        RetryLineActivities(managers),
        PortActivities(managers),
        HostActivities(),
        NetworkActivities(managers),
        EnvironmentActivities(managers),
        SavingActivities(managers),
        CleanUpActivities(),
        AnswerActivities(),
        SessionActivities(),
        PostgresSettingActivities(managers),
        SlownessActivities(),
        AnalyzeActivities(),
        ServiceMetricActivities(Prometheus(http)),
        CostActivities(Prometheus(http)),
        MemoryActivities(Prometheus(http)),
        GrowthActivities(Prometheus(http)),
        LatencyActivities(Prometheus(http)),
        ProviderTimeActivities(http),
        SentryActivities(http),
        ProviderActivities(http),
        AppTemporalActivities(),
        products,
        SyncActivities(api, products),
        RecreateActivities(managers),
        AnalyticsActivities(api),
        OpenExecutionActivities(),
        StartActivities(),
        RetryProposalActivities(),
        RetryActivities(),
        ScheduleActivities(),
        ScheduleActionActivities(),
        CacheActivities(switches),
        DiagnosticActivities(managers, switches, Path(now.directories.reviews)),
        EmitterActivities(managers),
        VideoActivities(api),
        BudgetActivities(api, switches),
        GeneratorActivities(switches),
        DegradationActivities(switches),
        HeapLimitActivities(managers),
        BusierRouteActivities(Prometheus(http)),
        StartedAroundActivities(),
        EndpointActivities(http),
        EndpointSwitchActivities(switches),
        RouteActivities(Prometheus(http)),
        LogSearchActivities(managers),
        MetricsSampleActivities(http),
        MonitoringActivities(http),
        EngineActivities(),
        DatabaseOverviewActivities(),
        OwnRunActivities(client),
        ForecastActivities(Prometheus(http)),
        LessonActivities(Path(now.directories.reviews), rows),
        ActionActivities(managers),
        AlertSourceActivities(http),
        ChannelActivities(build_channels(now.channels, http, resolve, with_links(configuration))),
        ReviewActivities(Path(now.directories.reviews), IncidentMarks(http, configuration).mark),
        *(_built(one, Clients(client, http, managers, configuration)) for one in brought),
    )


def _built(one: Callable[..., object], clients: Clients) -> object:
    return one(clients) if inspect.signature(one).parameters else one()


def classes_of_activities() -> list[type[object]]:
    """The product's own classes of which the objects above are."""
    return [one for one in globals().values() if isinstance(one, type)]


def activities_of(*objects: object) -> list[Activity]:
    """The methods of these objects that are activities, bound to them."""
    return [
        getattr(one, name)
        for one in objects
        for name, method in inspect.getmembers(type(one), inspect.isfunction)
        if activity._Definition.from_callable(method)
    ]
