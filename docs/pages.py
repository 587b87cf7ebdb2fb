"""Hands the READMEs of the rooms to mkdocs as pages, and rewrites the links between them.

A link to a README becomes one to its page; pictures and YAML files come along; what is left, links
to folders and sources, becomes plain text.
"""

import os
import re
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
PAGES = {
    "README.md": "index.md",
    "explorer/README.md": "explorer.md",
    "search_spaces/README.md": "search_spaces.md",
    "studies/README.md": "studies.md",
    "dashboards/README.md": "dashboards.md",
    "CHANGELOG.md": "changelog.md",
    "studies/evidence/README.md": "evidence/index.md",
    **{
        f"studies/evidence/{path.parent.name}/README.md": f"evidence/{path.parent.name}.md"
        for path in sorted(ROOT.glob("studies/evidence/*/README.md"))
    },
}
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
COME_ALONG = (".png", ".svg", ".yaml", ".csv")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Every study that was measured is in the navigation."""
    for entry in config.nav or []:
        if "What was measured" in entry:
            names = [page for page in PAGES.values() if page.startswith("evidence/")]
            entry["What was measured"] += [page for page in names if page != "evidence/index.md"]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    linked: set[str] = set()
    for source, page in PAGES.items():
        text = _rewritten((ROOT / source).read_text(), source, page, linked)
        files.append(File.generated(config, page, content=text))
    for path in sorted(linked):
        files.append(File.generated(config, path, abs_src_path=str(ROOT / path)))
    return files


def _rewritten(text: str, source: str, page: str, linked: set[str]) -> str:
    """The text of a README as that of its page; files that come along are noted in `linked`."""
    here, there = PurePosixPath(source).parent, PurePosixPath(page).parent

    def replace(link: re.Match[str]) -> str:
        mark, label, address = link.groups()
        if re.match(r"[a-z]+:|#", address):
            return link[0]
        label = LINK.sub(replace, label)  # a picture that is a link
        path, _, anchor = address.partition("#")
        target = os.path.normpath(here / path)
        if target not in PAGES and (ROOT / target / "README.md").exists():
            target = str(PurePosixPath(target, "README.md"))
        if target in PAGES:
            way = os.path.relpath(PAGES[target], there)
            return f"{mark}[{label}]({way}{'#' if anchor else ''}{anchor})"
        if target.endswith(COME_ALONG) and (ROOT / target).is_file():
            linked.add(target)
            return f"{mark}[{label}]({os.path.relpath(target, there)})"
        if not (ROOT / target).exists():
            raise FileNotFoundError(f"{source} links to {address}, which is not there")
        return label

    return LINK.sub(replace, text)
