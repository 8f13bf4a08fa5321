"""Which service a set of labels names: that of an alert, or of a target of Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Self

from models.base import Model
from models.names import ServiceName
from models.service.service import Service


class Naming(Model):
    """The labels that may name a service, and what each service is called there."""

    labels: tuple[str, ...] = ()
    """The first that is there decides."""
    names: dict[str, ServiceName] = {}

    @classmethod
    def of(cls, services: Iterable[Service], labels: tuple[str, ...]) -> Self:
        names = {called: one.name for one in services for called in (*one.aliases, one.name)}
        return cls(labels=labels, names=names)

    def service_of(self, labels: Mapping[str, str]) -> ServiceName | None:
        """The service; None for labels that name none of the configuration."""
        return self.names.get(self.called(labels))

    def called(self, labels: Mapping[str, str]) -> str:
        """How the labels call it, whether that is a service of the configuration or not."""
        return next((labels[one] for one in self.labels if labels.get(one)), "")
