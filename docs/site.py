"""The hooks of the documentation site: https://www.mkdocs.org/user-guide/configuration/#hooks.

The pages are written to be read in the repository; three things differ on the site. What a page links
to outside docs/ is brought along, CONTRIBUTING and CHANGELOG as pages. The runbooks are listed by their
folder, so that a new one needs no line here. A link to the folder leads to that list.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PAGES = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
RUNBOOKS = "runbooks/"
_LINK = re.compile(r"(\]\()([^)#\s]+)((?:#[^)\s]*)?\))")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages of the runbooks where the navigation names their folder."""
    names = sorted(path.name for path in (ROOT / "docs" / RUNBOOKS).glob("*.md"))
    listed = {"Runbooks": [f"{RUNBOOKS}index.md", *(RUNBOOKS + name for name in names)]}
    config.nav = [_with_runbooks(section, listed) for section in config.nav or []]
    return config


def _with_runbooks(section: object, listed: dict[str, list[str]]) -> object:
    if not isinstance(section, dict):
        return section
    return {title: [listed if one == RUNBOOKS else one for one in pages] for title, pages in section.items()}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Bring along what the pages link to, and the list of the runbooks."""
    for name, uri in PAGES.items():
        files.append(File.generated(config, uri, content=(ROOT / name).read_text(encoding="utf-8")))
    files.append(File.generated(config, f"{RUNBOOKS}index.md", content=_list_of_runbooks()))
    for target in sorted({target for page in files.documentation_pages() for target in _outside(page)}):
        files.append(File.generated(config, target, abs_src_path=str(ROOT / target)))
    return files


def _list_of_runbooks() -> str:
    pages = sorted((ROOT / "docs" / RUNBOOKS).glob("*.md"))
    rows = [
        f"- [{page.read_text(encoding='utf-8').partition(chr(10))[0][2:]}]({page.name})" for page in pages
    ]
    return "# The runbooks\n\nOne page each, named after its alert.\n\n" + "\n".join(rows) + "\n"


def _outside(page: File) -> set[str]:
    """The files of the repository that a page links to and docs/ does not have."""
    found = (_in_repository(page.src_uri, link) for _, link, _ in _LINK.findall(page.content_string))
    return {path for path in found if not path.startswith("docs/") and (ROOT / path).is_file()} - set(PAGES)


def _in_repository(src_uri: str, link: str) -> str:
    if ":" in link:
        return "docs/"
    return posixpath.normpath(posixpath.join(_folder(src_uri), link))


def _folder(src_uri: str) -> str:
    """Where the page lies in the repository: a page that was brought along lies at the top."""
    return "" if src_uri in PAGES.values() else posixpath.join("docs", posixpath.dirname(src_uri))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links of the repository into those of the site."""
    src_uri = page.file.src_uri

    def of_the_site(found: re.Match[str]) -> str:
        path = _in_repository(src_uri, found[2])
        if path == f"docs/{RUNBOOKS}".rstrip("/"):
            path += "/index.md"
        inside = PAGES.get(path, path.removeprefix("docs/"))
        if ":" in found[2] or files.get_file_from_path(inside) is None:
            return found[0]
        return found[1] + posixpath.relpath(inside, posixpath.dirname(src_uri) or ".") + found[3]

    return _LINK.sub(of_the_site, markdown)
