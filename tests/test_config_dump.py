"""Configs of work dirs: read as mmengine reads its dumps, and nothing in them runs."""

import pytest
from mmengine.config import Config

from eca_mm.config_dump import ConfigDumpError, load_dump

ODD = dict(
    whole=[1, -2, 2**63, 1e-3, True, None], words='a\'b"\n\\', empty=[(), [], {}, ''],
    keys={'a b': 1, 3: (1, (2, [3])), 'class': dict(_delete_=True)},
    _base_=['/etc/passwd'], custom_imports=dict(imports=['nothing_of_this_name']),
)  # fmt: skip
REFUSED = {
    'import': 'import os',
    'call': 'a = print("x")',
    'deep call': 'a = dict(b=[dict(c=open("FILE", "w"))])',
    'positional': 'a = dict([("b", 1)])',
    'unpacked': 'a, b = 1, 2',
    'chained': 'a = b = 1',
    'part': 'a = dict()\na.b = 2',
    'stars': 'b = dict()\na = dict(**b)',
    'stars in braces': 'b = dict()\na = {**b}',
    'star': 'b = []\na = [*b]',
    'unknown name': 'a = b',
    'sum': 'a = "x" * 10**9',
    'sign of a text': 'a = -"x"',
    'f-string': 'a = f"{open}"',
    'lambda': 'a = (lambda: 1)()',
    'comprehension': 'a = [x for x in (1, 2)]',
    'walrus': 'a = (b := 1)',
    'class': 'class A: pass',
    'annotated': 'a: int = 1',
    'bytes': 'a = b"x"',
    'unhashable': 'a = {[]: 1}',
    'no Python': 'a = (',
    'NUL': 'a = "\0"',
    'long number': 'a = 0x' + 'f' * 500,
    'longer number': 'a = ' + '9' * 5000,
    'signs': 'a = ' + '-' * 5000 + '1',
    'brackets': 'a = ' + '[' * 150 + ']' * 150,
    'depth by names': 'a = []\n' + 'a = [a]\n' * 100,
    'many by names': 'a = [0]\n' + 'a = [a, a]\n' * 60,
    'long by names': f'a = "{"x" * 2000}"\nb = [{"a," * 2000}]',
    'large': '#' * 2**20 + '\na = 1',
    "mmengine's own name": 'text = 1',
}


@pytest.mark.parametrize('name', ['eca_mask_rcnn_r50.py', 'odd.py'])
def test_dumps_are_read_as_mmengine_reads_them(tmp_path, repo, name):
    path = tmp_path / name
    odd = name == 'odd.py'
    cfg = Config(ODD) if odd else Config.fromfile(repo / 'configs' / name)
    path.write_text(cfg.pretty_text)
    found = load_dump(path).to_dict()
    assert found == cfg.to_dict()
    if not odd:  # which mmengine could not read: its base is not there
        assert found == Config.fromfile(path).to_dict()


def test_names_and_infinity(tmp_path):
    """Not in a dump, but in what a user may have changed; repr of inf is a name."""
    path = tmp_path / 'a.py'
    path.write_text('lr = 0.1\nsteps = [lr, -lr, inf, -inf]\nmodel = dict(steps=steps)')
    assert load_dump(path).model.steps == [0.1, -0.1, float('inf'), -float('inf')]


def test_bases_are_not_followed(tmp_path):
    path = tmp_path / 'a.py'
    path.write_text("_base_ = '/etc/passwd'\ncustom_imports = dict(imports=['evil'])")
    assert load_dump(path)._base_ == '/etc/passwd'


@pytest.mark.parametrize('case', REFUSED)
def test_what_is_no_dump(tmp_path, case):
    path, proof = tmp_path / 'a.py', tmp_path / 'executed'
    path.write_text(REFUSED[case].replace('FILE', str(proof)))
    with pytest.raises(ConfigDumpError) as error:
        load_dump(path)
    assert str(error.value).startswith('a.py ')
    assert '\n' not in str(error.value) and len(str(error.value)) < 400
    assert not proof.exists()


@pytest.mark.parametrize('name', ['a.yml', 'a.json', 'absent.py', 'folder.py', 'é.py'])
def test_what_is_no_file_of_text(tmp_path, name):
    (tmp_path / 'a.yml').write_text('!!python/object/apply:os.system [touch x]')
    (tmp_path / 'a.json').write_text('{}')
    (tmp_path / 'folder.py').mkdir()
    (tmp_path / 'é.py').write_bytes(b'a = "\xe9"')
    with pytest.raises(ConfigDumpError):
        load_dump(tmp_path / name)
