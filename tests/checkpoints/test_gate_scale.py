import logging
from collections import OrderedDict

import pytest
import torch
from mmengine.model import BaseModule
from mmengine.runner.checkpoint import _load_checkpoint_to_model, save_checkpoint

from eca_mm.backbones import ECAResNet
from eca_mm.checkpoints.gate_scale import gate_findings
from eca_mm.engine.load_report_hook import LoadReportHook
from eca_mm.layers import CBAM, ECA, SE


def texts(model, state):
    found = [*gate_findings(model, state, [*state])]
    assert all(level == logging.WARNING for level, _ in found)
    return [text for _, text in found]


@pytest.mark.parametrize('kind', [ECA, SE, CBAM])
@pytest.mark.parametrize('trained', [False, True])
@pytest.mark.parametrize('asked', [False, True])
def test_gates_as_trained(kind, trained, asked):
    state = kind(32, identity_init=trained).state_dict()
    found = texts(torch.nn.Sequential(kind(32, identity_init=asked)), prefixed(state))
    words = {(False, True): 'GATES DOUBLED: 0:', (True, False): 'GATES HALVED: 0:'}
    wanted = words.get((trained, asked))
    assert [text.startswith(wanted or '?') for text in found] == [True] * bool(wanted)


def prefixed(state: OrderedDict) -> OrderedDict:
    """As of the first module of a Sequential."""
    inner = OrderedDict((f'0.{name}', value) for name, value in state.items())
    inner._metadata = {f'0.{k}'.rstrip('.'): v for k, v in state._metadata.items()}
    return inner


def test_weights_that_do_not_say():
    bare = dict(ECAResNet(18).state_dict())
    assert texts(ECAResNet(18), bare) == []
    (text,) = texts(ECAResNet(18, identity_init=True), bare)
    assert 'layer1.0.eca, layer1.1.eca, layer2.0.eca, layer2.1.eca and 4 more' in text
    plain = {name: value for name, value in bare.items() if 'eca' not in name}
    assert texts(ECAResNet(18, identity_init=True), plain) == []


def test_the_hook_tells_of_a_saved_checkpoint(tmp_path):
    """Through mmengine's own saving and loading, which keep versions."""
    saved = Detector(identity_init=True)
    path = str(tmp_path / 'epoch_1.pth')
    save_checkpoint(dict(state_dict=saved.state_dict()), path)
    content = torch.load(path, weights_only=True)
    for asked, said in ((True, []), (False, ['GATES HALVED'])):
        model, hook = Detector(identity_init=asked), LoadReportHook()
        hook.checkpoint = path
        hook.listen(model)
        _load_checkpoint_to_model(model, content, revise_keys=[(r'^module\.', '')])
        loud = [text for level, text in hook.findings(model) if level > logging.INFO]
        assert [text.split(': ')[1] for text in loud] == said


class Detector(BaseModule):
    def __init__(self, identity_init: bool) -> None:
        super().__init__()
        self.backbone = ECAResNet(18, identity_init=identity_init)
