"""The pages say what the product has: links lead somewhere, commands exist, tables are those of the code."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from docs import generate
from tests.parts.terminal.every_command import every_command
from workflows.runbooks.registry import NAMES

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.rglob("*.md")), *sorted(ROOT.glob("*.md"))]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
OUTSIDE = ("https://", "http://", "mailto:")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """The headings of a page, as a link names them."""
    prose = re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", prose, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def kebab(name: str) -> str:
    return re.sub(r"(?<=.)([A-Z])", r"-\1", name).lower()


def commands() -> set[str]:
    """Every command of `starter.py`, such as `list` and `service show`."""
    words = every_command()
    return {" ".join(one) for one in words} | {one[0] for one in words}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(text_of(page)):
        if link.startswith(OUTSIDE):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors(target), f"{link}: there is no such heading"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_exists(page: Path) -> None:
    known = commands()
    said = re.findall(r"starter\.py ([a-z-]+(?: (?:show|unblock)\b)?)", text_of(page))
    assert {one for one in said if one not in known} == set()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_make_target_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of(ROOT / "Makefile"), flags=re.MULTILINE))
    said = re.findall(r"(?:^|`|&& )make ([a-z]+)", text_of(page), flags=re.MULTILINE)
    assert set(said) <= targets


@pytest.mark.parametrize("runbook", NAMES)
def test_every_runbook_has_its_page(runbook: str) -> None:
    page = DOCS / "runbooks" / f"{kebab(runbook)}.md"
    text = text_of(page)
    assert text.startswith(f"# {runbook}\n")
    for heading in ("When it fires", "What it looks at", "Configure it"):
        assert f"## {heading}\n" in text


@pytest.mark.parametrize("runbook", [one for one in NAMES if one != "AnyAlert"])
def test_every_runbook_that_acts_shows_its_causes(runbook: str) -> None:
    text = text_of(DOCS / "runbooks" / f"{kebab(runbook)}.md")
    assert f"<!-- generated: causes {runbook} -->" in text


def test_the_generated_parts_are_those_of_the_code() -> None:
    stale = [name_of(page) for page in generate.out_of_date()]
    assert stale == [], "renew them by: python -m docs.generate"


def test_a_part_that_is_out_of_date_is_renewed_and_nothing_else() -> None:
    page = "before\n<!-- generated: risks -->\n| old |\n<!-- end -->\nafter\n"
    new = generate.renewed(page)
    assert new.startswith("before\n<!-- generated: risks -->\n| risk | critical |")
    assert new.endswith("<!-- end -->\nafter\n")
    assert "| old |" not in new
    assert generate.renewed(new) == new
    assert "| `dangerous` | asks | asks | asks | `clean-up-files`" in new


def test_causes_stand_in_the_order_in_which_they_are_walked() -> None:
    rows = generate.causes("ServiceDown").splitlines()[2:]
    names = [re.findall(r"\*\*(.+?)\*\*", row)[0] for row in rows]
    assert names.index("out of memory") < names.index("crash")
    assert names[-1] == "unknown"


def test_the_picture_is_well_formed() -> None:
    picture = ElementTree.parse(DOCS / "picture.svg").getroot()
    assert picture.tag.endswith("svg")
    assert "(picture.svg)" in text_of(DOCS / "architecture.md")


def test_every_page_is_in_the_index() -> None:
    """By itself, or by its folder: the index need not change with a new runbook."""
    linked = {(DOCS / link).resolve() for link in LINK.findall(text_of(DOCS / "index.md")) if "#" not in link}
    pages = {page.resolve() for page in DOCS.rglob("*.md")} - {(DOCS / "index.md").resolve()}
    assert {page for page in pages if linked.isdisjoint({page, page.parent})} == set()


def test_every_page_of_a_runbook_is_of_one_that_exists() -> None:
    pages = {page.stem for page in (DOCS / "runbooks").glob("*.md")}
    assert pages - {kebab(runbook) for runbook in NAMES} == set()


def test_the_readme_shows_runbooks_that_exist() -> None:
    readme = text_of(ROOT / "README.md")
    shown = re.findall(r"\[(\w+)\]\(docs/runbooks/[\w-]+\.md\)", readme)
    assert set(shown) <= set(NAMES)
    assert len(shown) > 1
    assert len(readme.splitlines()) <= 60, "it is one screen; docs/index.md has the rest"
