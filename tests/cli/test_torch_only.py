"""The blocks where no package of OpenMMLab is, or only mmengine."""

import pytest

BLOCK = """\
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {names}:
            raise ImportError(f'{{name}} is blocked')

sys.meta_path.insert(0, Blocked())
"""
USE = """\
import torch
from eca_mm import layers
from eca_mm.layers import ECA
from eca_mm import fused, fused_norm, kernels
from eca_mm.functional import eca, eca_tail
import eca_mm

assert eca_mm.adaptive_kernel_size(2048) == 7
x = torch.randn(2, 64, 5, 6)
layer = ECA(64, kernel_size=5)
torch.testing.assert_close(layer(x), eca(x, layer.conv.weight))
torch.nn.init.zeros_(layer.conv.weight)
assert torch.equal(layer(x), x / 2)
for name in layers.OURS:
    block = getattr(layers, name)
    if layers.BLOCKS[name].is_plugin:
        assert block(64)(x).shape == x.shape
"""
ASK = """\
def refused(action):
    try:
        action()
    except ImportError as error:
        return str(error)

def backbones():
    from eca_mm.backbones import ECAResNet

def hook():
    from eca_mm.engine import SafeCheckpointHook

print(refused(backbones), refused(hook), refused(eca_mm.register), sep='\\n')
"""


def test_torch_alone(python):
    blocked = BLOCK.format(names=('mmengine', 'mmcv', 'mmdet', 'mmpretrain'))
    done = python(blocked + USE + ASK)
    assert done.returncode == 0, done.stderr
    backbones, hook, register = done.stdout.splitlines()
    missing = 'needs mmengine, mmcv, mmdet: run "python tools/install.py"'
    assert f'eca_mm.backbones {missing}' in backbones
    assert f'eca_mm.engine.SafeCheckpointHook {missing}' in hook
    assert 'eca_mm needs mmengine (' in register


def test_mmengine_without_mmdet(python):
    """As beside mmpretrain or mmsegmentation: the plugins are there."""
    find = "from mmengine.registry import MODELS\nassert MODELS.get('ECA') is ECA\n"
    done = python(BLOCK.format(names=('mmdet',)) + USE + find)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    'words', [['train', 'a.py'], ['benchmark'], ['report', 'a.py', '--ann', 'a.py']]
)
def test_a_command_says_what_is_missing(python, tmp_path, words):
    (tmp_path / 'a.py').touch()
    start = 'import eca_mm_start\nsys.exit(eca_mm_start.main())'
    done = python(BLOCK.format(names=('mmdet',)) + start, *words)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(f'error: eca-mm {words[0]} needs mmdet: run "python tools/')
