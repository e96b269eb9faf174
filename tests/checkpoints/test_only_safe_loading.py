"""No file of the repository reads a pickle but through eca_mm/checkpoints/safe.py."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
PRODUCT = ('eca_mm', 'tools', 'projects')
FOLDERS = (*PRODUCT, 'tests')
READERS = {'torch', 'pickle', 'cPickle', 'dill', 'joblib', 'marshal', 'shelve'}
# What reads weights past safe.py, even if with care; tests may, to compare.
BYPASSES = {
    'torch.load', 'torch.jit.load', 'torch.export.load', 'torch.hub.load',
    'torch.hub.load_state_dict_from_url', 'torch.utils.model_zoo.load_url',
    'mmengine.load', 'mmengine.fileio.load', 'mmengine.utils.dl_utils.load_url',
    'mmengine.utils.load_url', 'pandas.read_pickle', 'safetensors.torch.load_file',
    'runpy.run_path',
}  # fmt: skip


def unsafe_loads(source: str) -> list[str]:
    """The calls that could run code of the file they read."""
    found = []
    for call, module, function in calls_in(source):
        options = {word.arg: ast.unparse(word.value) for word in call.keywords}
        is_reader = module in READERS and function in (
            'load', 'loads', 'Unpickler', 'open'
        )  # fmt: skip
        safe_torch = module == 'torch' and options.get('weights_only') == 'True'
        numpy_pickle = options.get('allow_pickle', 'False') != 'False'
        if numpy_pickle or (is_reader and not safe_torch):
            found.append(ast.unparse(call))
    return found


def bypasses(source: str) -> list[str]:
    """The calls, and mentions, of what reads weights in another way than safe.py."""
    named = {f'{module}.{function}' for _, module, function in calls_in(source)}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):  # handed on, perhaps, and not called
            named |= {f'{node.module}.{alias.name}' for alias in node.names}
    return sorted(named & BYPASSES)


def calls_in(source: str) -> Iterator[tuple[ast.Call, str, str]]:
    """Each call, and module and name of what is called, both in full."""
    tree = ast.parse(source)
    names = {}  # as written here: in full
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {a.asname or a.name: a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {a.asname or a.name: f'{node.module}.{a.name}' for a in node.names}
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        first, dot, rest = ast.unparse(call.func).partition('.')
        module, _, function = (names.get(first, first) + dot + rest).rpartition('.')
        yield call, module, function


def test_the_repository():
    paths = [path for folder in FOLDERS for path in (REPO / folder).rglob('*.py')]
    assert len(paths) > 50
    found = {
        str(path.relative_to(REPO)): calls
        for path in paths
        if (calls := unsafe_loads(path.read_text()))
    }
    assert found == {}


def test_the_product_reads_weights_in_one_place():
    paths = [path for name in PRODUCT for path in (REPO / name).rglob('*.py')]
    found = {
        str(path.relative_to(REPO)): calls
        for path in paths
        if (calls := bypasses(path.read_text()))
    }
    readers = ['safetensors.torch.load_file', 'torch.load']
    assert found == {'eca_mm/checkpoints/safe.py': readers}


@pytest.mark.parametrize(
    'source',
    ['import torch\ntorch.load(f, weights_only=True)',
     'import torch as t\nt.hub.load_state_dict_from_url(u)',
     'from torch import hub\nhub.load("a/b", "c")',
     'from torch.hub import load_state_dict_from_url as get\nuse(get)',
     'import mmengine\nmmengine.load("a.pkl")'],
)  # fmt: skip
def test_the_test_sees_what_passes_by(source):
    assert bypasses(source)
    assert not bypasses('import torch, json\ntorch.hub.get_dir()\njson.load(f)')


@pytest.mark.parametrize(
    'source',
    ['import torch\ntorch.load(f)', 'import torch\ntorch.load(f, weights_only=False)',
     'import pickle as p\np.loads(b)', 'from pickle import load as get\nget(f)',
     'import numpy as np\nnp.load(f, allow_pickle=True)',
     'import numpy as np\nnp.load(f, allow_pickle=trusted)',
     'import pickle\npickle.Unpickler(f).load()'],
)  # fmt: skip
def test_the_test_sees(source):
    assert unsafe_loads(source)


def test_what_is_safe():
    assert unsafe_loads('import torch\ntorch.load(f, weights_only=True)') == []
    assert unsafe_loads('import json\njson.load(f)') == []
