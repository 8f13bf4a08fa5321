"""Deletes old log files on a full disk: lists them first, then deletes exactly those that were listed.

The configuration decides which files may be deleted: one directory, a pattern, an age. Nothing outside
is touched, no link is followed, and neither the newest file nor one that a process has open is deleted.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate, zip_longest
from pathlib import Path

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.files.old_files import Directory, Found, MustStay, open_files, opened, unreadable
from activities.support.heartbeats import beating_in_thread
from activities.support.redaction import clean
from models.actions.change import ActionResult, Perform
from models.actions.surroundings import CleanUpFiles
from models.base import Model, in_bytes, in_words
from models.evidence.evidence import Evidence, Finding
from models.service.service import Service
from models.service.surroundings import CleanUp

MOST_LISTED = 200
ROOM = 32 * 1024
"""Bytes of all paths that are listed: the plan that is made of them travels in several payloads."""
_MOST_NAMED = 5


class OldFile(Model):
    """One file that may be deleted. Size in bytes."""

    path: str
    size: int
    modified_at: datetime
    identity: str = ""


class OldFilesSeen(Evidence):
    """The old files that the configuration allows to be cleaned up, oldest first. `ok`: it could be seen."""

    files: tuple[OldFile, ...] = ()
    directory: str = ""
    """The identity of the directory, by which a plan knows it again."""
    left_out: int = 0
    """Files that are old enough too, and did not fit into the list."""
    open: int = 0
    """Files that are old enough, but open in some process."""

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


class CleanUpActivities:
    """Looks at and deletes files of this host."""

    @activity.defn
    def look_at_old_files(self, service: Service) -> OldFilesSeen:
        """The oldest files that may be deleted; `unknown` when nothing is configured, or cannot be read."""
        now = datetime.now(UTC)
        configured = service.clean_up
        if configured is None:
            reason = f"no clean_up is configured for {service.name}"
            return OldFilesSeen(reason=reason, observed_at=now, applies=False)
        try:
            with opened(configured) as directory:
                old = directory.old(now)
                place = directory.place
                in_use = open_files()
        except OSError as error:
            return OldFilesSeen(reason=unreadable(configured, error), observed_at=now)
        free = [one for one in old if one.identity not in in_use.files]
        listed = tuple(
            OldFile(
                path=str(directory.path / one.name),
                size=one.size,
                modified_at=datetime.fromtimestamp(one.modified, UTC),
                identity=one.bound,
            )
            for one in free[: _that_fit(directory.path, free)]
        )
        seen = OldFilesSeen(
            finding=Finding.OK,
            observed_at=now,
            files=listed,
            directory=place,
            left_out=len(free) - len(listed),
            open=len(old) - len(free),
        )
        return seen.model_copy(update={"reason": _reason(configured, seen, in_use.complete)})

    @activity.defn(no_thread_cancel_exception=True)
    def clean_up_files(self, request: Perform[CleanUpFiles]) -> ActionResult:
        """Delete these files, each only if it may still be deleted. Done when any was deleted.

        A file that is gone already is no error, so a retry is safe. Raises `ApplicationError`,
        non-retryable, when nothing is configured or the directory cannot be used.
        """
        action = request.action
        configured = action.service.clean_up
        if configured is None:
            raise _final(f"no clean_up is configured for {action.service.name}", "Unsupported")
        try:
            with beating_in_thread(), opened(configured) as directory:
                if directory.place != action.directory:
                    changed = f"{configured.directory} is not the directory that was planned"
                    raise _final(changed, "ManagerRefused")
                before = shutil.disk_usage(directory.descriptor).free
                deletion = _delete(directory, action)
                after = shutil.disk_usage(directory.descriptor).free
        except OSError as error:
            raise _final(unreadable(configured, error), "ManagerRefused") from error
        return ActionResult(
            done=bool(deletion.deleted or not deletion.kept),
            found=deletion.told,
            at=datetime.now(UTC),
            before=f"{in_bytes(before)} free",
            after=f"{in_bytes(after)} free",
        )


def _that_fit(directory: Path, files: Sequence[Found]) -> int:
    """How many of the files can be listed."""
    sizes = accumulate(len(os.fsencode(directory / one.name)) for one in files[:MOST_LISTED])
    return sum(size <= ROOM for size in sizes)


@dataclass
class _Deletion:
    deleted: int = 0
    freed: int = 0
    gone: int = 0
    kept: list[str] = field(default_factory=list)

    @property
    def told(self) -> str:
        parts = [f"deleted {self.deleted} files, {in_bytes(self.freed)} in all"]
        if self.gone:
            parts.append(f"{self.gone} were gone already")
        if self.kept:
            more = len(self.kept) - _MOST_NAMED
            named = "; ".join(self.kept[:_MOST_NAMED])
            parts.append(f"kept {named}{f'; and {more} more' if more > 0 else ''}")
        return ", ".join(parts)


def _delete(directory: Directory, action: CleanUpFiles) -> _Deletion:
    done = _Deletion()
    now = datetime.now(UTC)
    newest = next(iter(directory.matching()), None)
    in_use = open_files()
    for path, planned in dict(zip_longest(action.files, action.identities, fillvalue="")).items():
        name = clean(Path(path).name, 120)
        try:
            done.freed += directory.delete(path, planned, newest, in_use, now).size
        except FileNotFoundError:
            done.gone += 1
        except MustStay as reason:
            done.kept.append(f"{name}: {reason}")
        except (OSError, ValueError) as error:
            why = (isinstance(error, OSError) and error.strerror) or type(error).__name__
            done.kept.append(f"{name}: {why}")
        else:
            done.deleted += 1
    return done


def _reason(configured: CleanUp, seen: OldFilesSeen, complete: bool) -> str:
    where = f"{clean(configured.pattern, 60)} in {clean(configured.directory, 120)}"
    age = in_words(configured.older_than)
    if not seen.files:
        reason = f"no file of {where} is older than {age} and may be deleted"
    else:
        more = f", and {seen.left_out} more" if seen.left_out else ""
        reason = (
            f"{len(seen.files)} files of {where} are older than {age}, {in_bytes(seen.size)} in all{more}"
        )
    if seen.open:
        reason += f"; {seen.open} are open in a process"
    return reason if complete else f"{reason}; not every process could be asked what it has open"


def _final(message: str, kind: str) -> ApplicationError:
    return ApplicationError(message, type=kind, non_retryable=True)
