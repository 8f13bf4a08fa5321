"""`new runbook`: lays down the files of a new runbook, in this tree or as a package of its own."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from typing import Annotated

import typer

from activities.support.whole_files import write_once, write_whole
from console.kit import templates
from console.output import Unusable, out, run
from console.shell.examples import examples
from models.names import NO_ALERTS
from runtime.hosted.packages import OURS
from workflows.packages.package import BUILT_FOR
from workflows.runbooks.classes import every_workflow
from workflows.runbooks.registry import module_of

app = typer.Typer(help="Begin something new.", no_args_is_help=True)
ROOT = Path(__file__).parents[2]
REGISTRY = "workflows/runbooks/registry.py"
_NAME = re.compile(r"[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]+)*")
_LONGEST = 60
_READABLE = 0o644
_LAST_LINE = '    "AnyAlert",\n'


@app.callback()
def new() -> None:
    """Begin something new."""


@app.command(
    epilog=examples(
        "new runbook DiskFilling",
        "new runbook DiskFilling --package ../mycompany_runbooks",
    )
)
def runbook(
    name: Annotated[str, typer.Argument(help="The alert's name, such as DiskFilling.")],
    package: Annotated[
        Path | None, typer.Option(help="A directory for a package of its own, outside of this tree.")
    ] = None,
) -> None:
    """Lay down the files of a new runbook. Nothing that exists is overwritten."""

    async def work() -> None:
        _check(name)
        for line in _in_tree(name) if package is None else _as_package(name, package):
            out.print(line, markup=False)

    run(work())


def _check(name: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise Unusable(f"{name[:_LONGEST]!r} is not a name such as DiskFilling: words with a capital each")
    if name in {one.__name__ for one in every_workflow()} | set(NO_ALERTS):
        raise Unusable(f"there is a runbook {name} already")


def _in_tree(name: str) -> list[str]:
    module, registry = module_of(name), ROOT / REGISTRY
    where = f"workflows/runbooks/{module}.py"
    words = {"name": name, "where": where}
    files = {
        ROOT / where: templates.WORKFLOW.substitute(words),
        ROOT / f"docs/runbooks/{module.replace('_', '-')}.md": templates.PAGE.substitute(words),
        ROOT / f"tests/scenarios/{module}.py": templates.SCENARIO.substitute(words),
    }
    new_registry = _registered(registry.read_text(encoding="utf-8"), name)
    _write(files)
    write_whole(registry, new_registry, _READABLE)
    return [
        *(f"wrote {path.relative_to(ROOT)}" for path in files),
        f"wrote its line into {REGISTRY}",
        f"next: write its causes in {where}, and a scenario for each; docs/write-a-runbook.md shows how",
        "then: python -m docs.generate",
        f'then: python -m pytest tests -k "every_cause or {name}", which fails until the causes are written',
    ]


def _registered(text: str, name: str) -> str:
    """The registry with this runbook: the last but AnyAlert."""
    return text.replace(_LAST_LINE, f'    "{name}",\n{_LAST_LINE}', 1)


def _as_package(name: str, directory: Path) -> list[str]:
    directory = directory.absolute()
    package, module = directory.name, module_of(name)
    if not package.isidentifier() or keyword.iskeyword(package) or package in OURS:
        raise Unusable(f"{package!r} cannot be the name of a package: name the directory as a Python module")
    if directory.is_relative_to(ROOT):
        raise Unusable("a package of its own is outside of this tree: name another directory")
    where = f"{directory / module}.py"
    words = {"name": name, "where": where, "package": package, "module": module, "built_for": BUILT_FOR}
    files = {
        directory / "__init__.py": "",
        directory / "package.py": templates.PACKAGE.substitute(words),
        directory / f"{module}.py": templates.WORKFLOW.substitute(words),
        directory / f"{module.replace('_', '-')}.md": templates.PAGE.substitute(words),
        directory / f"test_{module}.py": templates.TEST.substitute(words),
    }
    _write(files)
    return [
        *(f"wrote {path}" for path in files),
        f"next: write its causes in {where}",
        f"then: PYTHONPATH={ROOT}:{directory.parent} python -m pytest {directory}",
        f"then: add `runbooks: [{package}]` and the alert to runbooks.yaml, and restart worker and intake "
        f"with PYTHONPATH={directory.parent}",
    ]


def _write(files: dict[Path, str]) -> None:
    """All of them, or none. Raises `Unusable` where one exists."""
    if there := [str(path) for path in files if path.exists()]:
        raise Unusable(f"{there[0]} exists already: nothing was written")
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_once(path, text, _READABLE)
    except OSError as error:
        raise Unusable(f"{error.filename}: {error.strerror}") from error
