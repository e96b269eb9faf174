"""No file of the repository reads a pickle but through eca_mm/checkpoints/safe.py."""

import ast
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
FOLDERS = ('eca_mm', 'tools', 'projects', 'tests')
READERS = {'torch', 'pickle', 'cPickle', 'dill', 'joblib', 'marshal', 'shelve'}


def unsafe_loads(source: str) -> list[str]:
    """The calls that could run code of the file they read."""
    tree = ast.parse(source)
    names = {}  # as written here: in full
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {a.asname or a.name: a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {a.asname or a.name: f'{node.module}.{a.name}' for a in node.names}
    found = []
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        first, dot, rest = ast.unparse(call.func).partition('.')
        module, _, function = (names.get(first, first) + dot + rest).rpartition('.')
        options = {word.arg: ast.unparse(word.value) for word in call.keywords}
        is_reader = module in READERS and function in (
            'load', 'loads', 'Unpickler', 'open'
        )  # fmt: skip
        safe_torch = module == 'torch' and options.get('weights_only') == 'True'
        numpy_pickle = options.get('allow_pickle') == 'True'
        if numpy_pickle or (is_reader and not safe_torch):
            found.append(ast.unparse(call))
    return found


def test_the_repository():
    paths = [path for folder in FOLDERS for path in (REPO / folder).rglob('*.py')]
    assert len(paths) > 50
    found = {
        str(path.relative_to(REPO)): calls
        for path in paths
        if (calls := unsafe_loads(path.read_text()))
    }
    assert found == {}


@pytest.mark.parametrize(
    'source',
    ['import torch\ntorch.load(f)', 'import torch\ntorch.load(f, weights_only=False)',
     'import pickle as p\np.loads(b)', 'from pickle import load as get\nget(f)',
     'import numpy as np\nnp.load(f, allow_pickle=True)',
     'import pickle\npickle.Unpickler(f).load()'],
)  # fmt: skip
def test_the_test_sees(source):
    assert unsafe_loads(source)


def test_what_is_safe():
    assert unsafe_loads('import torch\ntorch.load(f, weights_only=True)') == []
    assert unsafe_loads('import json\njson.load(f)') == []
