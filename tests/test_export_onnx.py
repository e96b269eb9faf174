"""tools/export_onnx.py: the file that it writes, and what is rejected."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config

from eca_mm import export
from eca_mm.cli import export_request, run_command

onnx = pytest.importorskip('onnx')
CONFIG = 'projects/digits/configs/eca_faster_rcnn_r18.py'


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    config = Path(__file__).parents[1] / CONFIG
    path = tmp_path_factory.mktemp('checkpoint') / 'model.pth'
    model = MODELS.build(Config.fromfile(config).model)
    torch.save(dict(state_dict=model.state_dict()), path)
    return path


@pytest.fixture
def run(repo, monkeypatch, capsys):
    """The tool as from the command line: exit status, and both streams."""

    def run(*args) -> tuple[int, str, str]:
        monkeypatch.chdir(repo)
        monkeypatch.setattr(sys, 'argv', ['export_onnx.py', *map(str, args)])
        return run_command('export'), *capsys.readouterr()

    return run


def test_the_tool(run, checkpoint, tmp_path, repo):
    out = tmp_path / 'out' / 'model.onnx'
    out.parent.mkdir()
    status, said, error = run(CONFIG, checkpoint, out, '--shape', 320, 256)
    assert status == 0, error
    assert '20 of 20 norms folded' in said and '(3, 133, 171)' in said
    assert [path.name for path in out.parent.iterdir()] == ['model.onnx']
    model = onnx.load(out)
    found = {entry.key: entry.value for entry in model.metadata_props}
    assert (
        found.items()
        >= dict(
            config='eca_faster_rcnn_r18.py',
            channel_order='RGB',
            mean='123.675,116.28,103.53',
            std='58.395,57.12,57.375',
            pad_size_divisor='32',
            strides='4,8,16,32',
        ).items()
    )
    assert [o.name for o in model.graph.output] == [f'level_{i}' for i in range(4)]
    assert str(repo).encode() not in out.read_bytes()


@pytest.mark.parametrize(('opset', 'status'), [(20, 0), (7, 2)])
def test_opset(run, checkpoint, tmp_path, opset, status):
    out = tmp_path / 'model.onnx'
    found, _, error = run(CONFIG, checkpoint, out, '--opset', opset)
    assert found == status, error
    if status == 0:
        opsets = {entry.domain: entry.version for entry in onnx.load(out).opset_import}
        assert opsets[''] == opset
    else:
        assert error.splitlines()[-1].startswith(f'error: --opset {opset}: ')
        assert not out.exists()


@pytest.mark.parametrize('difference', [2e-4, float('nan')])
def test_a_file_that_differs_is_not_kept(
    run, checkpoint, tmp_path, monkeypatch, difference
):
    program = SimpleNamespace(
        model=SimpleNamespace(metadata_props={}),
        save=lambda path: path.write_text('wrong'),
    )
    monkeypatch.setattr(export, 'to_onnx', lambda *args: program)
    found = {(1, 256, 256): difference}
    monkeypatch.setattr(export, 'largest_difference', lambda *args: found)
    out = tmp_path / 'model.onnx'
    out.write_text('older')
    status, _, error = run(CONFIG, checkpoint, out)
    assert status == 1 and 'was not written' in error
    assert out.read_text() == 'older' and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['CKPT', 'absent/a.onnx'], 'a folder that exists'),
        (['CKPT', 'TMP/a.pb'], 'must end in .onnx'),
        (['CKPT', 'TMP/a.onnx', '--shape', '64', '640'], 'at least 256'),
        (['absent.pth', 'TMP/a.onnx'], 'absent.pth not found'),
        (['EMPTY', 'TMP/a.onnx'], 'fits the model: it holds no tensors'),
        (
            ['CKPT', 'TMP/a.onnx', '--cfg-options', 'model.backbone.depth=19'],
            'invalid depth 19',
        ),
    ],
)
def test_wrong_requests(run, checkpoint, tmp_path, arguments, said):
    torch.save(dict(state_dict={}), tmp_path / 'empty.pth')
    places = dict(CKPT=checkpoint, EMPTY=tmp_path / 'empty.pth')
    arguments = [places.get(a, str(a).replace('TMP', str(tmp_path))) for a in arguments]
    status, _, error = run(CONFIG, *arguments)
    last = error.splitlines()[-1]
    assert status == 2 and last.startswith('error: ') and said in last
    assert not list(tmp_path.glob('*.onnx'))


def test_without_the_extra(run, checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(export_request, 'find_spec', lambda name: None)
    status, _, error = run(CONFIG, checkpoint, tmp_path / 'a.onnx')
    assert status == 2 and 'pip install "eca_mm[export]"' in error
