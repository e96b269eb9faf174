"""One training step of mmengine's Runner on random numbers, and what its log says."""

import logging

import pytest
import torch
from mmdet.models.backbones import ResNet
from mmengine.logging import MMLogger
from mmengine.model import BaseModel
from mmengine.registry import MODELS
from mmengine.runner import CheckpointLoader, Runner
from mmengine.runner.checkpoint import load_state_dict
from torch.utils.data import DataLoader

from eca_mm.engine import load_report_hook
from eca_mm.engine.load_report_hook import LoadReportHook

# A backbone with the tensors of ResNet-18, an eighth as wide
SMALL = dict(depth=18, base_channels=8, stem_channels=8)


class Mean(BaseModel):
    """A backbone whose loss is the mean of its last map."""

    def __init__(self, backbone: dict) -> None:
        super().__init__()
        self.backbone = MODELS.build(dict(_scope_='mmdet', **backbone))
        self.neck = torch.nn.Conv2d(64, 1, 1)

    def forward(self, inputs, mode: str = 'tensor') -> dict:
        return dict(loss=self.neck(self.backbone(inputs)[-1]).mean())


class Heard(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def texts(self, level: int) -> list[str]:
        """Lines of that level which the hook wrote."""
        return [
            record.getMessage()
            for record in self.records
            if record.levelno == level and record.module == 'load_report_hook'
        ]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Train one step, and give the runner and what the hook logged."""
    monkeypatch.setattr(Runner, '_log_env', lambda *args: None)  # a second each
    count = 0

    def run(backbone: dict, **kwargs) -> tuple[Runner, Heard]:
        nonlocal count
        count += 1
        kwargs.setdefault('work_dir', str(tmp_path / f'run{count}'))
        runner = Runner(
            model=Mean(dict(SMALL, frozen_stages=1) | backbone),
            train_dataloader=DataLoader(
                [dict(inputs=torch.randn(3, 32, 32))] * 2, batch_size=2
            ),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01)),
            train_cfg=dict(by_epoch=True, max_epochs=1),
            custom_hooks=[dict(type='LoadReportHook')],
            experiment_name=f'{tmp_path.name}{count}',
            **kwargs,
        )
        heard = Heard()
        runner.logger.addHandler(heard)
        runner.train()
        MMLogger._instance_dict.clear()
        return runner, heard

    return run


def only(texts: list[str], part: str) -> str:
    (found,) = [text for text in texts if part in text]
    return found


@pytest.fixture
def plain(tmp_path) -> dict:
    """``init_cfg`` of plain weights, below ``backbone.`` in a file of a detector."""
    path = tmp_path / 'plain.pth'
    state = ResNet(18, stem_channels=8, base_channels=8).state_dict()
    torch.save({f'backbone.{key}': value for key, value in state.items()}, path)
    return dict(type='Pretrained', checkpoint=str(path), prefix='backbone.')


def test_random_attention_and_what_is_frozen_of_it(run, plain, monkeypatch):
    read = []
    original = CheckpointLoader.load_checkpoint
    monkeypatch.setattr(
        CheckpointLoader, 'load_checkpoint',
        lambda *args, **kwargs: read.append(args) or original(*args, **kwargs),
    )  # fmt: skip
    runner, heard = run(dict(type='ECAResNet', init_cfg=plain))
    loud = heard.texts(logging.WARNING)
    assert only(loud, 'LEFT AT RANDOM').startswith(
        'ATTENTION LEFT AT RANDOM: 8 tensors (backbone.layer1.0.eca.conv.weight, '
    )
    assert only(loud, 'FROZEN').startswith(
        'ATTENTION FROZEN AT RANDOM: of these, 2 tensors '
        '(backbone.layer1.0.eca.conv.weight, backbone.layer1.1.eca.conv.weight)'
    )
    assert only(heard.texts(logging.INFO), 'tensors loaded') == (
        f'loaded {plain["checkpoint"]} into backbone: 100 of 108 tensors loaded, '
        '8 missing, 0 unexpected, 0 of another shape'
    )
    # It listens to the host and reads nothing itself, and no longer listens.
    assert len(read) == 1
    hooks = [m._load_state_dict_pre_hooks for m in runner.model.modules()]
    assert not any(hooks)


def test_attention_that_load_from_gives_is_no_alarm(run, plain, tmp_path):
    backbone = dict(type='ECAResNet', init_cfg=plain)
    path = tmp_path / 'all.pth'
    torch.save(Mean(SMALL | backbone).state_dict(), path)
    _, heard = run(backbone, load_from=str(path))
    assert heard.texts(logging.WARNING) == []
    assert only(heard.texts(logging.INFO), str(path)) == (
        f'loaded {path}: 110 of 110 tensors loaded, 0 missing, 0 unexpected, '
        '0 of another shape'
    )


def test_load_from_without_attention(run, tmp_path):
    path = tmp_path / 'all.pth'
    torch.save(Mean(SMALL | dict(type='ResNet')).state_dict(), path)
    _, heard = run(dict(type='ECAResNet', frozen_stages=2), load_from=str(path))
    loud = heard.texts(logging.WARNING)
    assert '8 tensors' in only(loud, 'LEFT AT RANDOM')
    assert '4 tensors' in only(loud, 'FROZEN AT RANDOM')


def test_resumed_run_says_one_line(run, plain):
    backbone = dict(type='ECAResNet', init_cfg=plain)
    runner, _ = run(backbone)
    _, heard = run(backbone, resume=True, work_dir=runner.work_dir)
    assert heard.texts(logging.WARNING) == []
    (line,) = heard.texts(logging.INFO)
    assert line.startswith('resumed from ')
    assert '110 of 110 tensors loaded' in line


def test_from_scratch_only_frozen_attention_is_told(run):
    _, heard = run(dict(type='ECAResNet', frozen_stages=-1))
    assert heard.texts(logging.WARNING) == []
    assert 'from scratch' in only(heard.texts(logging.INFO), 'no weights')
    _, heard = run(dict(type='ECAResNet'))
    assert '2 tensors' in only(heard.texts(logging.WARNING), 'LEFT AT RANDOM')
    assert '2 tensors' in only(heard.texts(logging.WARNING), 'FROZEN AT RANDOM')


def test_identity_is_no_alarm(run, plain):
    _, heard = run(dict(type='ECAResNet', identity_init=True, init_cfg=plain))
    assert heard.texts(logging.WARNING) == []
    assert '8 tensors' in only(heard.texts(logging.INFO), 'begins as the identity')


def test_mobilenet_freezes_when_training_begins(run, tmp_path):
    path = tmp_path / 'empty.pth'
    torch.save({'conv1.conv.weight': torch.zeros(32, 3, 3, 3)}, path)
    init_cfg = dict(type='Pretrained', checkpoint=str(path))
    model = Mean(dict(type='ECAMobileNetV2', frozen_stages=2, init_cfg=init_cfg))
    assert all(p.requires_grad for p in model.parameters())
    hook = LoadReportHook()
    hook.listen(model)
    model.init_weights()
    model.train()
    loud = [text for level, text in hook.findings(model) if level == logging.WARNING]
    assert 'missing, stays as it was: ' in loud[0]
    assert '17 tensors' in loud[1] and '3 tensors' in loud[2]


def test_what_initial_weights_gave_stays_given():
    backbone = dict(SMALL, type='ECAResNet', kernel_sizes=3)
    model = Mean(backbone)
    hook = LoadReportHook()
    hook.listen(model)
    load_state_dict(model.backbone, model.backbone.state_dict())
    hook.checkpoint = 'five.pth'
    load_state_dict(model, Mean(dict(backbone, kernel_sizes=5)).state_dict())
    loud = [text for level, text in hook.findings(model) if level == logging.WARNING]
    (line,) = loud
    assert line.startswith('five.pth: not loaded, other shape: backbone.layer1.0.eca')


def test_trouble_in_the_report_does_not_end_the_run(run, plain, monkeypatch):
    def fail(*args) -> None:
        raise RuntimeError('no report today')

    monkeypatch.setattr(load_report_hook, 'load_report', fail)
    runner, heard = run(dict(type='ECAResNet', init_cfg=plain))
    assert runner.iter == 1
    assert 'the run goes on' in only(heard.texts(logging.ERROR), 'no load report')
