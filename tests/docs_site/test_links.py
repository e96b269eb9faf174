"""Links of all pages, as the forge reads them; make docs asks the same of the site."""

import re

import pytest

from docs_site.links import OUTSIDE, REPO, anchors, local_links, pages, slug, target


@pytest.mark.parametrize('page', pages(), ids=lambda page: str(page.relative_to(REPO)))
def test_links_lead_to_files_and_headings(page):
    for link in local_links(page.read_text()):
        found = target(page, link['to'])
        anchor = link['to'].partition('#')[2]
        if anchor and found.suffix == '.md':
            assert anchor in anchors(found.read_text()), link[0]


DOCS = REPO / 'docs'


def test_every_page_is_in_the_navigation():
    nav = (REPO / 'mkdocs.yml').read_text().partition('\nnav:')[2]
    named = set(re.findall(r'\S+\.md$', nav, re.MULTILINE))
    found = {str(path.relative_to(DOCS)) for path in DOCS.rglob('*.md')}
    assert found <= named and set(OUTSIDE.values()) <= named


def test_a_dead_link_is_seen(tmp_path):
    text = '[a](gone.md), ![b](https://x.y/z.png)\n```\n[c](d)\n```\n[`d`](#e)\n'
    assert [link['to'] for link in local_links(text)] == ['gone.md', '#e']
    with pytest.raises(ValueError, match='README.md links to gone.md'):
        target(REPO / 'README.md', 'gone.md')
    with pytest.raises(ValueError, match='not there'):
        target(REPO / 'README.md', '../outside.md')


def test_anchors_are_the_forges():
    assert slug('`identity_init` in fine-tuning') == 'identity_init-in-fine-tuning'
    assert slug("The paper's own differences") == 'the-papers-own-differences'
    text = '# One\n```bash\n# no heading\n```\n## Two, [three](x.md)\n'
    assert anchors(text) == {'one', 'two-three'}


def test_the_readme_is_short():
    lines = (REPO / 'README.md').read_text().splitlines()
    assert len(lines) <= 150
