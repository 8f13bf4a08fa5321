"""The keys that sign what people say: each can be read and is long enough. Without one, all of it is raw."""

from __future__ import annotations

from activities.doctor.secrets import malformed
from activities.people.keys import SigningKeys
from activities.support.secrets import SecretMissing
from models.configuration.configuration import Configuration
from models.examined import Check, Kind
from models.people.signature import key_name
from models.service.secret import SecretRef


def check_signing(configuration: Configuration) -> list[Check]:
    """One for each key, and one for who may decide. A missing key is a problem where the configuration asks
    who it is that decides."""
    keys = SigningKeys(lambda: configuration)
    return [*(_check(configuration, keys, ref) for ref in keys.refs()), _check_approvers(configuration)]


def _check_approvers(configuration: Configuration) -> Check:
    """A list of who may decide bounds nobody who reaches Temporal, while raw decisions count."""
    approvals = configuration.approvals
    problem = cure = ""
    if approvals.approvers and approvals.temporal_ui:
        problem = (
            "approvals.approvers bounds signed decisions alone: a raw one, of the Temporal UI, counts too"
        )
        cure = "set approvals.temporal_ui: false, or leave the list empty"
    return Check(
        name="approvers", ok=not problem, problem=problem, cure=cure, kind=Kind.MISTAKE, optional=True
    )


def names_of_keys(configuration: Configuration) -> tuple[str, ...]:
    """By what the usable ones are told apart, that which signs first."""
    try:
        return tuple(key_name(key) for key in SigningKeys(lambda: configuration).all())
    except SecretMissing:
        return ()


def _check(configuration: Configuration, keys: SigningKeys, ref: SecretRef) -> Check:
    problem, approvals = _why_unusable(keys, ref), configuration.approvals
    raw = "what people say through it is raw"
    if approvals.keys:
        cure = f"correct {ref}, or approvals.keys; until then {raw}"
    else:
        cure = f"a worker makes it when it starts; elsewhere, name approvals.keys; until then {raw}"
    return Check(
        name=f"signing key {ref}" if len(approvals.keys) > 1 else "signing key",
        ok=not problem,
        problem=problem,
        cure=cure if problem else "",
        kind=Kind.MISTAKE,
        optional=approvals.temporal_ui and not approvals.approvers,
    )


def _why_unusable(keys: SigningKeys, ref: SecretRef) -> str:
    try:
        return malformed(keys.read(ref), str(ref))
    except SecretMissing as missing:
        return str(missing)
