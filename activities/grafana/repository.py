"""Commits the files of dashboards, and pushes them, so that nothing of a person's is ever lost.

The commit is made beside the working tree, in an index of its own, and the working tree is then moved
forward to it as `git merge --ff-only` does: what a person changed and did not commit stays, or stops it.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from activities.grafana.dashboards import file_of
from activities.grafana.git import NETWORK, Git, GitFailed, header
from activities.support.redaction import clean
from models.configuration.grafana import DashboardBackup

_UNFINISHED = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply", "BISECT_LOG")
_NOTHING = "0" * 40
FEW = 3
"""So many dashboards may go at once, whatever share of them that is."""
_HERE = ("localhost", "127.0.0.1", "::1")
_OURS = re.compile(r"[^/]+/[^/]+\.json")
"""A dashboard's file under the folder; anything else there is a person's."""


class NoRepository(Exception):
    """There is no repository to write to, in one sentence with the cure."""


class NotWritten(Exception):
    """The repository is not as it must be, and was left as it is: in one sentence with the cure."""


class Diverged(NotWritten):
    """The branch here and the remote's both have commits that the other lacks."""


@dataclass(frozen=True)
class Changes:
    """What a commit changed, by path under the folder."""

    commit: str = ""
    """Its short name; empty when nothing changed."""
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    kept: int = 0
    """Files that would have been removed, had the whole list been had."""

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


class DashboardRepository:
    """The configured repository."""

    def __init__(self, settings: DashboardBackup, remote_token: str = "") -> None:
        self._settings = settings
        self._token = remote_token
        self._git = Git(Path(settings.repository))

    def must_be_ready(self) -> None:
        """Raises `NoRepository` and `NotWritten` when nothing can be committed; changes nothing."""
        git, where = self._git, clean(self._settings.repository, 200)
        try:
            bare = git.line("rev-parse", "--is-bare-repository") == "true"
            top = "" if bare else git.line("rev-parse", "--show-toplevel")
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise NoRepository(f"{where} is not there ({why}): git clone the repository there") from None
        except GitFailed as failed:
            if "dubious ownership" in str(failed):
                raise NoRepository(f"{where} belongs to another user: give it to the worker's user") from None
            raise NoRepository(
                f"{where} is no git repository: git clone or git init one there ({failed})"
            ) from None
        if bare:
            raise NoRepository(f"{where} is a bare repository: git clone it, and write the path of the clone")
        if Path(top).resolve() != Path(self._settings.repository).resolve():
            raise NoRepository(
                f"{where} is inside the repository {clean(top, 200)}: write the top of its own one"
            )
        self._must_be_at_rest()
        self._must_be_clean()

    def _must_be_at_rest(self) -> None:
        git, branch = self._git, self._settings.branch
        at = Path(self._settings.repository) / git.line("rev-parse", "--git-dir")
        if locked := next((one for one in _locks(branch) if (at / one).exists()), None):
            where = clean(str(at / locked), 200)
            raise NotWritten(f"git works there, or was killed: wait for it, or remove {where}")
        if unfinished := next((one for one in _UNFINISHED if (at / one).exists()), None):
            raise NotWritten(f"somebody is in the middle of something ({unfinished}): finish it, or abort it")
        try:
            now = git.line("symbolic-ref", "--quiet", "--short", "HEAD")
        except GitFailed:
            raise NotWritten(f"no branch is checked out there: git checkout {branch}") from None
        if now != branch:
            raise NotWritten(f"the branch {clean(now, 80)} is checked out there: git checkout {branch}")
        remote = self._settings.remote
        if remote and not git.succeeds("remote", "get-url", remote):
            raise NotWritten(f"the repository has no remote {remote}: git remote add it, or correct remote")

    def _must_be_clean(self) -> None:
        folder = self._settings.folder
        said = self._git("status", "--porcelain", "-z", "--untracked-files=all", "--", folder)
        names = [clean(one[3:].decode("utf-8", errors="replace"), 80) for one in said.split(b"\0") if one[3:]]
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise NotWritten(
                f"{', '.join(names[:3])}{more} in it were changed and not committed: commit or remove them"
            )

    def catch_up(self) -> str:
        """Take over what others pushed. The commit of the remote's branch, empty without one.

        Raises `GitFailed` when the remote cannot be asked, `Diverged`, and `NotWritten` when what a person
        did not commit is in the way.
        """
        remote, branch = self._settings.remote, self._settings.branch
        if remote is None:
            return ""
        extra = self._credentials(remote)
        heads = self._git("ls-remote", "--heads", remote, f"refs/heads/{branch}", within=NETWORK, extra=extra)
        theirs = heads.decode("ascii", errors="replace").split("\t")[0].strip()
        if not theirs:
            return ""
        self._git(
            "fetch", "--no-tags", "--quiet", remote, f"refs/heads/{branch}", within=NETWORK, extra=extra
        )
        ours = self._head()
        if ours and self._git.succeeds("merge-base", "--is-ancestor", theirs, ours):
            return theirs
        if ours and not self._git.succeeds("merge-base", "--is-ancestor", ours, theirs):
            raise Diverged(
                f"{branch} and {remote}/{branch} both have commits that the other lacks: merge or rebase them"
            )
        self._forward_to(theirs)
        return theirs

    def commit(
        self,
        directory: Path,
        titles: Mapping[str, str],
        removable: bool,
        kept_uids: Sequence[str],
        now: datetime,
    ) -> Changes:
        """One commit of what is under `directory`; none when nothing changed.

        Files of dashboards that are gone are removed only if `removable`, and never those of `kept_uids`.
        When most are gone at once the token rather lost its right to see them: then they stay.
        """
        base = self._head()
        with tempfile.TemporaryDirectory() as work:
            extra = {"GIT_INDEX_FILE": os.path.join(work, "index")}  # noqa: PTH118 — a string is needed
            before = self._committed(base)
            names = sorted(titles)
            after = dict(zip(names, self._stored(directory, names), strict=True))
            moved = {name.split("/")[1] for name in names}
            failed = {f"{file_of(uid)}.json" for uid in kept_uids}
            gone = [name for name in sorted(before) if name not in after and name.split("/")[1] not in failed]
            lost = [name for name in gone if name.split("/")[1] not in moved]
            removable = removable and (len(lost) <= FEW or 2 * len(lost) <= len(before))
            removed = tuple(name for name in gone if removable or name not in lost)
            changes = Changes(
                added=tuple(name for name in names if name not in before),
                changed=tuple(name for name in names if before.get(name, after[name]) != after[name]),
                removed=removed,
                kept=len(gone) - len(removed),
            )
            if not changes:
                return changes
            self._git("read-tree", base or "--empty", extra=extra)
            folder = self._settings.folder
            lines = [f"0 {_NOTHING}\t{folder}/{name}" for name in removed]
            lines += [f"100644 {after[name]}\t{folder}/{name}" for name in names]
            given = "".join(f"{line}\0" for line in lines).encode("utf-8", errors="surrogateescape")
            self._git("update-index", "-z", "--index-info", given=given, extra=extra)
            tree = self._git("write-tree", extra=extra).decode().strip()
        made = self._made(tree, base, _message(self._settings, changes, titles), now)
        self._forward_to(made)
        return Changes(made[:10], changes.added, changes.changed, changes.removed, changes.kept)

    def push(self, theirs: str) -> bool:
        """Whether there was anything to push. Raises `GitFailed` when it is refused; never forces."""
        remote, ours = self._settings.remote, self._head()
        if remote is None or not ours or ours == theirs:
            return False
        target = f"{ours}:refs/heads/{self._settings.branch}"
        extra = self._credentials(remote)
        self._git("push", "--no-verify", "--quiet", remote, target, within=NETWORK, extra=extra)
        return True

    def _head(self) -> str:
        try:
            return self._git.line("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        except GitFailed:
            return ""  # nothing was committed yet

    def _committed(self, base: str) -> dict[str, str]:
        """The dashboards of a commit: path under the folder to the object of its content."""
        if not base:
            return {}
        folder = self._settings.folder
        listed = self._git("ls-tree", "-r", "-z", base, "--", f"{folder}/")
        found = {}
        for line in listed.split(b"\0"):
            head, _, path = line.decode("utf-8", errors="surrogateescape").partition("\t")
            name = path.removeprefix(f"{folder}/")
            if head and _OURS.fullmatch(name):
                found[name] = head.split(" ")[2]
        return found

    def _stored(self, directory: Path, names: Sequence[str]) -> list[str]:
        """The objects of these files, in their order."""
        if not names:
            return []
        given = "".join(f"{directory / name}\n" for name in names).encode()
        arguments = ("hash-object", "-w", "--no-filters", "--stdin-paths")
        return self._git(*arguments, given=given).decode().split()

    def _made(self, tree: str, base: str, message: str, now: datetime) -> str:
        name, _, mail = self._settings.author.rpartition(" <")
        who = {"NAME": name, "EMAIL": mail.rstrip(">"), "DATE": f"{int(now.timestamp())} +0000"}
        extra = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
        parent = ("-p", base) if base else ()
        return self._git("commit-tree", tree, *parent, given=message.encode(), extra=extra).decode().strip()

    def _forward_to(self, commit: str) -> None:
        try:
            self._git("merge", "--ff-only", "--quiet", "--no-verify", commit)
        except GitFailed as failed:
            raise NotWritten(f"its working tree was left as it is: {failed}") from None

    def _credentials(self, remote: str) -> dict[str, str]:
        if not self._token:
            return {}
        address = urlsplit(self._git.line("remote", "get-url", remote))
        if address.scheme != "https" and not (address.scheme == "http" and address.hostname in _HERE):
            raise NotWritten(f"the token of {remote} is sent by https only: give it such an address")
        return header(self._settings.remote_user, self._token)


def _message(settings: DashboardBackup, changes: Changes, titles: Mapping[str, str]) -> str:
    parts = [("added", changes.added), ("changed", changes.changed), ("removed", changes.removed)]
    said = ", ".join(f"{len(names)} {what}" for what, names in parts if names)
    lines = [
        f"{what}: {titles.get(name) or clean(readable(name), 200)}" for what, names in parts for name in names
    ]
    return f"Dashboards of {urlsplit(settings.url).hostname}: {said}\n\n" + "\n".join(lines[:200]) + "\n"


def readable(name: str) -> str:
    """A name that git tells, whose bytes may be no text."""
    return name.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="replace")


def _locks(branch: str) -> tuple[str, ...]:
    """Files by which git keeps others out. With one of them a commit would be made, but half checked out."""
    return ("index.lock", "HEAD.lock", f"refs/heads/{branch}.lock")
