"""tools/convert_checkpoint.py as a user runs it."""

import os
import re
import subprocess
import sys

import pytest
import torch
from mmdet.models.backbones import ResNet
from mmdet.registry import MODELS
from mmengine.config import Config

from eca_mm.backbones import ECAResNet, PluginResNet
from eca_mm.checkpoints.content import Contents
from eca_mm.cli import run_command
from eca_mm.engine.preflight.initial_weights import checkpoint_findings
from eca_mm.findings import WARNING


def weights(model: torch.nn.Module) -> dict:
    """State dict with values that nothing else would have."""
    state = model.state_dict()
    for tensor in state.values():
        if tensor.is_floating_point():
            tensor.uniform_(0.5, 1)
    return state


@pytest.fixture(scope='module')
def eca50() -> dict:
    state = weights(ECAResNet(50, (3, 5, 5, 7))) | {
        'fc.weight': torch.zeros(1000, 2048)
    }
    return dict(state_dict={f'module.{key}': value for key, value in state.items()})


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Run the tool in ``tmp_path``; its exit status, output and errors."""
    monkeypatch.chdir(tmp_path)

    def run(*args) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, 'argv', ['convert_checkpoint.py', *map(str, args)])
        status = run_command('convert')
        return status, *capsys.readouterr()

    return run


def refusal(result: tuple[int, str, str]) -> str:
    """The one line of a request that is refused."""
    status, out, err = result
    assert (status, out) == (2, '')
    (line,) = err.splitlines()
    return line


def test_converts_and_says_what_it_found(run, repo, eca50):
    torch.save(eca50, 'eca_resnet50_k3557.pth.tar')
    config = repo / 'configs/eca_faster_rcnn_r50.py'
    status, out, _ = run('eca_resnet50_k3557.pth.tar', 'eca50.pth', '--config', config)
    assert status == 0
    words = ' '.join(out.split())
    for expected in (
        'source eca_resnet50_k3557.pth.tar, sha256',
        'layout ecanet',
        # 53 convolutions, 53 norms of 5 tensors and 16 ECA
        f'tensors {53 + 5 * 53 + 16} carried over, 1 dropped: fc.weight',
        'kernel sizes [3, 5, 5, 7]',
        "backbone=dict(type='ECAResNet', depth=50, kernel_sizes=(3, 5, 5, 7))",
        '0 missing, 0 unexpected, 0 of another shape',
        "init_cfg=dict(type='Pretrained', checkpoint='eca50.pth') in the backbone",
    ):
        assert expected in words
    # The detector of that config starts from it.
    model = Config.fromfile(config).model
    model.backbone.init_cfg.checkpoint = 'eca50.pth'
    backbone = MODELS.build(model.backbone)
    backbone.init_weights()
    for key, tensor in backbone.state_dict().items():
        assert torch.equal(tensor, eca50['state_dict'][f'module.{key}'])


def test_plugin_line_of_se_can_be_pasted(run):
    se = dict(cfg=dict(type='SE', bias=True), position='after_conv3')
    state = weights(PluginResNet(50, plugins=[se]))
    # Under mmpretrain's names, as convolutions
    renamed = {}
    for key, tensor in state.items():
        for fc, conv in (('se.fc1', 'conv1'), ('se.fc2', 'conv2')):
            if fc in key and key.endswith('weight'):
                tensor = tensor[:, :, None, None]
            key = key.replace(fc, f'se_layer.{conv}.conv')
        renamed[f'backbone.{key}'] = tensor
    torch.save(dict(state_dict=renamed), 'se_resnet50.pth')
    status, out, _ = run('se_resnet50.pth', 'se50.pth')
    assert status == 0
    line = next(line for line in out.splitlines() if line.startswith('config'))
    config = eval(line.removeprefix('config').strip().removeprefix('backbone='))
    backbone = MODELS.build(config)
    backbone.load_state_dict(torch.load('se50.pth', weights_only=True)['state_dict'])
    for key, tensor in backbone.state_dict().items():
        assert torch.equal(tensor, state[key]), key


def test_attention_left_at_random_is_said_and_no_error(run, repo):
    torch.save(ResNet(50).state_dict(), 'resnet50.pth')
    config = repo / 'configs/eca_faster_rcnn_r50.py'
    status, out, _ = run('resnet50.pth', 'out.pth', '--config', config)
    assert status == 0 and os.path.isfile('out.pth')
    assert '16 missing' in out and 'layer1.0.eca.conv.weight' in out
    assert 'RANDOM' in out and 'FROZEN' in out


@pytest.mark.parametrize(
    'config, message',
    [
        ('eca_faster_rcnn_r101', 'is (1, 1, 5) in the file and (1, 1, 3) in the model'),
        ('se_faster_rcnn_r50', 'the model has no layer1.0.eca.conv.weight'),
    ],
)
def test_wrong_architecture_is_refused(run, repo, tmp_path, eca50, config, message):
    torch.save(eca50, 'source.pth')
    path = repo / f'configs/{config}.py'
    line = refusal(run('source.pth', 'out.pth', '--config', path))
    assert message in line and f'does not fit {path}' in line
    assert "it is for backbone=dict(type='ECAResNet', depth=50" in line
    assert [file.name for file in tmp_path.iterdir()] == ['source.pth']


def test_other_kernel_sizes(run, repo, tmp_path, eca50):
    """Refused with the way out, which is followed."""
    torch.save(eca50, 'source.pth')
    config = tmp_path / 'k5.py'
    config.write_text(
        f"_base_ = '{repo}/configs/eca_faster_rcnn_r50.py'\n"
        'model = dict(backbone=dict(kernel_sizes=5))'
    )
    line = refusal(run('source.pth', 'out.pth', '--config', config))
    assert '(6 such tensors)' in line  # 3 blocks in stage 1 and 3 in stage 4
    way_out = re.search(r'; (--kernel-sizes [\d ]+) makes it fit$', line)[1].split()
    status, out, _ = run('source.pth', 'out.pth', '--config', config, *way_out)
    words = ' '.join(out.split())
    assert 'kernel sizes [5, 5, 5, 5], of [3, 5, 5, 7]' in words
    assert 'kernel_sizes=(5, 5, 5, 5)' in words and ', 0 of another shape' in words
    assert 'lost stage 4: 7 taps became 5; those cut made up to ' in words
    state = torch.load('out.pth', weights_only=True)['state_dict']
    before = eca50['state_dict']
    key = 'layer4.2.eca.conv.weight'
    assert torch.equal(state[key], before[f'module.{key}'][..., 1:-1])
    # What was lost is said again before a run that starts from it.
    cfg = Config.fromfile(config)
    cfg.model.backbone.init_cfg.checkpoint = 'out.pth'
    found = checkpoint_findings(cfg, True, Contents())
    said = [finding.line() for finding in found if finding.level == WARNING]
    assert len(said) == 1 and 'out.pth: stage 4: 7 taps became 5' in said[0]
    # No kernel size makes these fit.
    se = repo / 'configs/se_faster_rcnn_r50.py'
    assert '--kernel-sizes' not in refusal(run('source.pth', 'out.pth', '--config', se))


def test_shallower_weights_are_refused(run, repo, tmp_path):
    torch.save(ResNet(50).state_dict(), 'source.pth')
    path = repo / 'configs/faster_rcnn_r101.py'
    line = refusal(run('source.pth', 'out.pth', '--config', path))
    assert 'the file has no layer3.6.' in line
    assert [file.name for file in tmp_path.iterdir()] == ['source.pth']


class Attack:
    def __reduce__(self):
        return os.system, ('touch executed',)


def hostile(path) -> None:
    torch.save(
        dict(state_dict={'module.conv1.weight': torch.zeros(1)}, x=Attack()), path
    )


def truncated(path) -> None:
    torch.save(dict(state_dict={'conv1.weight': torch.zeros(64, 3, 7, 7)}), path)
    path.write_bytes(path.read_bytes()[:-1000])


@pytest.mark.parametrize(
    'spoil, message',
    [
        (lambda path: None, 'source.pth not found'),
        (lambda path: path.touch(), 'is empty'),
        (lambda path: path.write_text('<html>Quota exceeded</html>'), 'is a web page'),
        (truncated, 'is damaged'),
        (hostile, 'asks for posix.system, which could run code'),
        (lambda path: torch.save({'a': torch.zeros(1)}, path), 'of the layouts ecanet'),
    ],
)
def test_unusable_files_are_refused(run, tmp_path, spoil, message):
    spoil(tmp_path / 'source.pth')
    before = set(tmp_path.iterdir())
    assert message in refusal(run('source.pth', 'new/out.pth'))
    assert set(tmp_path.iterdir()) == before


def test_places_that_cannot_be_written(run, tmp_path, eca50):
    torch.save(eca50, 'source.pth')
    (tmp_path / 'file').touch()
    assert 'source itself' in refusal(run('source.pth', tmp_path / 'source.pth'))
    assert 'cannot be written' in refusal(run('source.pth', 'file/out.pth'))


def test_wrong_config_is_refused(run, repo, tmp_path, eca50):
    torch.save(eca50, 'source.pth')
    (tmp_path / 'no_model.py').write_text('a = 1\n')
    for config in ('nowhere.py', 'no_model.py'):
        line = refusal(run('source.pth', 'out.pth', '--config', config))
        assert f'config {config}' in line
    assert not (tmp_path / 'out.pth').exists()


def test_exit_status_of_the_script(repo, tmp_path):
    script = repo / 'tools/convert_checkpoint.py'
    done = subprocess.run(
        [sys.executable, script, 'nowhere.pth', 'out.pth'],
        cwd=tmp_path,
        env=dict(os.environ, PYTHONPATH=str(repo)),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, '')
    assert done.stderr == (
        'error: checkpoint nowhere.pth not found: give the path of a file\n'
    )
