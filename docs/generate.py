"""Writes into the operator's pages what the code knows better: causes, risks, log patterns, paths.

    python -m docs.generate          write every page that is out of date, and name it
    python -m docs.generate --check  write nothing; exit with 1 if a page is out of date

A page says where: what stands between `<!-- generated: causes ServiceDown -->` and
`<!-- end -->` is replaced, everything else is left alone.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from demo.faults import FAULTS, Fault
from docs.keys import tables
from models.actions.change import Change, Risk
from models.actions.kinds import kinds
from models.actions.plan import AUTOMATIC
from models.catalogue.proposable import PROPOSABLE
from models.names import Severity
from models.service.application import ApiPaths
from models.service.service import LogScan
from workflows.diagnosis.causes import UNKNOWN, Cause
from workflows.runbooks.classes import every_workflow

DOCS = Path(__file__).parent
TUTORIAL = "write-a-runbook.md"
"""Shows such a place in a page that it has its reader write."""
PLACE = re.compile(r"(<!-- generated: (\w+)(?: (\w+))? -->\n).*?(<!-- end -->)", re.DOTALL)


def causes(runbook: str) -> str:
    """The causes table of one runbook, in the order in which it is walked."""
    (module,) = {sys.modules[one.__module__] for one in every_workflow() if one.__name__ == runbook}
    rows: Sequence[Cause] = (*module.CAUSES, getattr(module, "UNKNOWN", UNKNOWN))
    head = ("", "cause", "recognised by", "not if", "what is done", "paged at once")
    return _table(
        head,
        [
            (
                str(place),
                f"**{row.name}**",
                row.evidence,
                row.contradicted_by,
                _what_is_done(row),
                row.pages or "",
            )
            for place, row in enumerate(rows, 1)
        ],
    )


def _what_is_done(cause: Cause) -> str:
    reverted = "; reverted automatically" if cause.undo else ""
    return f"{cause.remedy}{reverted}{' (a person is asked first)' if cause.asks else ''}"


def risks(_: str = "") -> str:
    """What each risk means at each severity, and the actions that have it by default."""
    head = ("risk", *(str(severity) for severity in Severity), "by default")
    return _table(head, [(f"`{risk}`", *_asked(risk), _kinds(risk)) for risk in Risk])


def _asked(risk: Risk) -> list[str]:
    return ["at once" if risk in AUTOMATIC[severity] else "asks" for severity in Severity]


def _kinds(risk: Risk) -> str:
    return ", ".join(f"`{kind}`" for kind, action in kinds().items() if action.risk is risk)


def proposable(_: str = "") -> str:
    """What may be proposed, and how much of it."""
    rows = [(f"`{kind}`", _first_line(kinds()[kind]), one.set_by) for kind, one in PROPOSABLE.items()]
    return _table(("action", "what it does", "settings"), rows)


def _first_line(action: type[Change]) -> str:
    said = (action.__doc__ or "").strip().splitlines()[0].rstrip(".")
    return said[:1].lower() + said[1:]


def patterns(_: str = "") -> str:
    """The log patterns of a service that names none of its own."""
    rows = [(f"`{name}`", f"`{_in_a_cell(text)}`") for name, text in LogScan().patterns.items()]
    return _table(("name", "regular expression"), rows)


def paths(_: str = "") -> str:
    """What the application's API is asked for, where the configuration names no other path."""
    rows = [(f"`{name}`", f"`{path}`") for name, path in ApiPaths().model_dump().items()]
    return _table(("path", "default"), rows)


def keys(_: str = "") -> str:
    """Every key of `runbooks.yaml`, from the models."""
    return tables()


def faults(alert: str) -> str:
    """What the demo can break to raise this alert."""
    raised = ((name, fault) for name, fault in FAULTS.items() if fault.alert == alert)
    rows = [(f"`{name}`", fault.says, fault.cause, _who(fault)) for name, fault in raised]
    return _table(("fault", "what is done", "cause that is found", "asks"), rows)


def _who(fault: Fault) -> str:
    if not fault.ends:
        return "left to a person"
    return "yes" if fault.asks else "no"


def _in_a_cell(text: str) -> str:
    return text.replace("|", r"\|")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


WRITERS: dict[str, Callable[[str], str]] = {
    "causes": causes,
    "risks": risks,
    "proposable": proposable,
    "patterns": patterns,
    "paths": paths,
    "keys": keys,
    "faults": faults,
}


def renewed(page: str) -> str:
    """The page with every generated part as the code has it now."""
    return PLACE.sub(lambda found: found[1] + WRITERS[found[2]](found[3] or "") + found[4], page)


def out_of_date() -> dict[Path, str]:
    """The pages that differ from the code, with what they should be."""
    paths = (path for path in sorted(DOCS.rglob("*.md")) if path.name != TUTORIAL)
    pages = {path: path.read_text(encoding="utf-8") for path in paths}
    return {path: new for path, page in pages.items() if (new := renewed(page)) != page}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write, or only check, and name each page that is out of date."""
    parser = argparse.ArgumentParser(
        prog="python -m docs.generate", description="Renews the generated parts of docs/."
    )
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args(arguments).check
    stale = out_of_date()
    for path, page in stale.items():
        if not check:
            path.write_text(page, encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(DOCS.parent)} {'is out of date' if check else 'renewed'}\n")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
