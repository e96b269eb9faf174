"""Examples in pages: sessions run, Python is Python, commands are there."""

import ast
import doctest
import re
import shlex

import pytest

from docs_site.examples import blocks, session
from docs_site.links import REPO, pages

PAGES = {str(page.relative_to(REPO)): page.read_text() for page in pages()}
MAKEFILE = (REPO / 'Makefile').read_text()
FILE = re.compile(r'(tools|configs|projects|benchmarks|tests)/[a-z\d_./]+\.(py|sh)')
CALL = re.compile(r'(?:^|/| )(?:tools/(\w+)\.py|(projects/\w+/\w+\.py)|eca-mm (\w+))')
OPTION = re.compile(r"'(--[a-z][\w-]*)'")
# Where a tool's options stand beside eca_mm/cli/NAME*.py.
SHARED = ('eca_mm/engine/arguments.py', 'eca_mm/cli/common.py')
SHORT = dict(
    convert_checkpoint='convert', export_onnx='export', visualize_attention='visualize'
)


@pytest.mark.parametrize('name', [n for n, text in PAGES.items() if '```pycon' in text])
def test_sessions_give_what_the_page_shows(name):
    told = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    runner.run(session(PAGES[name], name), out=told.append)
    assert runner.tries and not runner.failures, ''.join(told)


def test_a_wrong_result_is_seen():
    page = 'Text\n\n  ```pycon\n  >>> 1 + 1\n  3\n  ```\n'
    runner = doctest.DocTestRunner()
    runner.run(session(page, 'page'), out=lambda text: None)
    assert (runner.failures, runner.tries) == (1, 1)


@pytest.mark.parametrize('name', PAGES)
def test_python_is_python(name):
    for block in blocks(PAGES[name], 'python'):
        ast.parse(block.text, f'{name}:{block.line}')


def commands(page: str) -> list[list[str]]:
    """The words of each command in a page's bash blocks."""
    text = '\n'.join(block.text for block in blocks(page, 'bash')).replace('\\\n', ' ')
    lines = [shlex.split(line, comments=True) for line in text.splitlines()]
    return [words for words in lines if words]


def wrong_words(words: list[str]) -> list[str]:
    """Files of the repository that are not there, and options that a tool has not."""
    files = [word for word in words if FILE.fullmatch(word)]
    wrong = [word for word in files if not (REPO / word).is_file()]
    if words[0] == 'make' and not re.search(rf'^{words[1]}:', MAKEFILE, re.MULTILINE):
        wrong.append(words[1])
    known = options_of(words)
    options = [word for word in words if re.fullmatch(r'--[a-z-]+(=.*)?', word)]
    return wrong + [w for w in options if known and w.split('=')[0] not in known]


def options_of(words: list[str]) -> set[str]:
    """The options in the sources of the tool that a command calls; none of no tool."""
    called = CALL.search(' '.join(words))
    if not called:
        return set()
    if called[2]:
        files = [REPO / called[2]]
    else:
        name = called[1] or called[3]
        files = [*(REPO / 'eca_mm/cli').glob(f'{SHORT.get(name, name)}*.py')]
        files += [*(REPO / 'tools').glob(f'{name}.py'), *map(REPO.joinpath, SHARED)]
    if called[1] == 'install':
        files = [REPO / 'tools/installer/cli.py']
    text = ''.join(file.read_text() for file in files if file.is_file())
    if "add_argument(\n            f'--{" in text:  # options in a loop: not to be read
        return set()
    return {'--help', '--cuda', '--cpu', *OPTION.findall(text)}


@pytest.mark.parametrize('name', PAGES)
def test_commands_are_there(name):
    wrong = [(words, wrong_words(words)) for words in commands(PAGES[name])]
    assert [pair for pair in wrong if pair[1]] == []


@pytest.mark.parametrize(
    ('line', 'wrong'),
    [
        ('python tools/train.py configs/gone.py --amp', ['configs/gone.py']),
        ('python tools/train.py CONFIG --ampp', ['--ampp']),
        ('eca-mm report a --margin=3 --seeed', ['--seeed']),
        ('make tests', ['tests']),
        ('pip install --anything x', []),
    ],
)
def test_wrong_commands_are_seen(line, wrong):
    assert wrong_words(shlex.split(line)) == wrong
