"""mkdocs' hooks: one text for the forge and the site.

Pages link to files of the repository as the forge needs it, relative to themselves.
Here the pages outside of docs/ join the site, and so does every file that a page links
to, at its path in the repository; links are rewritten to these places. A folder leads
to its README.md, or to nothing. A link to what is not there ends the build.
"""

import os
import re
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parents[1]))  # mkdocs runs this file alone

from docs_site.links import (  # noqa: E402
    OUTSIDE,
    REPO,
    local_links,
    pages,
    rewritten,
    target,
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from outside, and what pages link to."""
    for path, uri in OUTSIDE.items():
        files.append(File.generated(config, uri, abs_src_path=str(REPO / path)))
    for page in pages():
        for link in local_links(page.read_text()):
            found = reached(page, link['to'])
            uri = uri_of(found) if found else None
            if uri and files.get_file_from_path(uri) is None:
                files.append(File.generated(config, uri, abs_src_path=str(found)))
    return files


def on_page_markdown(
    markdown: str, page: Page, config: MkDocsConfig, files: Files
) -> str:
    """Turn links to files of the repository into links to their places in the site."""
    source = Path(page.file.abs_src_path)
    here = os.path.dirname(page.file.src_uri)

    def change(link: re.Match) -> str:
        if link['to'].startswith('#'):
            return link[0]
        found = reached(source, link['to'])
        if found is None:
            return link['text']
        _, sign, anchor = link['to'].partition('#')
        to = os.path.relpath(uri_of(found), here or '.')
        return f'{link["mark"]}[{link["text"]}]({to}{sign}{anchor})'

    return rewritten(markdown, change)


def reached(page: Path, to: str) -> Path | None:
    """The file that a link leads to; None of a folder without a page."""
    try:
        found = target(page, to)
    except ValueError as error:
        raise PluginError(str(error)) from None
    if found.is_dir():
        found /= 'README.md'
        return found if found.exists() else None
    return found


def uri_of(path: Path) -> str:
    """Where a file of the repository lies in the site."""
    name = path.relative_to(REPO).as_posix()
    return OUTSIDE.get(name, name.removeprefix('docs/'))
