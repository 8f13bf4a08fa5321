"""The documentation as a site: it builds strictly, has every page, and loads nothing from another host."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs.keys import sections
from models.configuration.configuration import Configuration

ROOT = Path(__file__).parents[3]
LOADED = re.compile(r"""<(?:script|img|iframe|link)\b[^>]*?\b(?:src|href)=["']?(?:https?:)?//[^"'\s>]+""")
IN_CSS = re.compile(r"""(?:url\(|@import\s*)["']?(?:https?:)?//""")


def built(source: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """`make docs`, into another directory."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    return subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("site")
    done = built(ROOT, path)
    assert done.returncode == 0, done.stderr
    return path


def test_every_page_is_on_the_site(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    pages |= {Path("contributing.html"), Path("changelog.html"), Path("runbooks/index.html")}

    assert pages <= {path.relative_to(site) for path in site.rglob("*.html")}
    listed = (site / "runbooks/index.html").read_text(encoding="utf-8")
    assert all(f'href="{page.name}"' in listed for page in pages if page.parent.name == "runbooks")


def test_a_page_of_the_site_loads_nothing_from_another_host(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert not LOADED.findall(page.read_text(encoding="utf-8")), page
    for sheet in site.rglob("*.css"):
        assert not IN_CSS.search(sheet.read_text(encoding="utf-8")), sheet


def test_what_a_page_links_to_outside_of_the_documentation_comes_along(site: Path) -> None:
    assert (site / "deploy/monitoring/rules.yml").read_bytes() == (
        ROOT / "deploy/monitoring/rules.yml"
    ).read_bytes()


def test_a_link_that_leads_nowhere_stops_the_build(tmp_path: Path) -> None:
    (tmp_path / "mkdocs.yml").write_text(
        (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("nav:")[0]
    )
    (tmp_path / "docs").mkdir()
    for name in ("CONTRIBUTING.md", "CHANGELOG.md"):
        (tmp_path / name).write_text("# Page\n", encoding="utf-8")
    (tmp_path / "docs/site.py").write_bytes((ROOT / "docs/site.py").read_bytes())
    (tmp_path / "docs/index.md").write_text("# Page\n\n[away](no-such-page.md)\n", encoding="utf-8")

    done = built(tmp_path, tmp_path / "site")

    assert done.returncode != 0
    assert "no-such-page.md" in done.stderr


def test_the_reference_has_each_key_of_the_file_once() -> None:
    places = [section.place for section in sections()]
    whole = next(section for section in sections() if not section.place)

    assert {key.name for key in whole.keys} == set(Configuration.model_fields)
    assert {"services.NAME", "services.NAME.health", "checks.daily", "channels.NAME"} <= set(places)
    rows = [(section.place, section.meaning, key.name) for section in sections() for key in section.keys]
    assert len(rows) == len(set(rows))
