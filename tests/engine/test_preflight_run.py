"""What preflight says of schedule, work dir, disk and weights of a run."""

import json
import shutil
from collections import namedtuple

import pytest
import torch
from mmengine.config import Config
from torch import nn

from eca_mm.checkpoints.content import Content
from eca_mm.engine import build_model, build_runner
from eca_mm.engine.preflight import disk, findings_table
from eca_mm.engine.preflight.initial_weights import other_model, start_findings
from eca_mm.engine.preflight.schedule import schedule_findings
from eca_mm.engine.preflight.work_dir import differing_keys, work_dir_findings
from eca_mm.findings import ERROR, NOTE, WARNING, Finding

Usage = namedtuple('Usage', 'total used free')


def schedule(**scale) -> Config:
    return Config(
        dict(
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01)),
            train_dataloader=dict(batch_size=2),
            auto_scale_lr=dict(base_batch_size=8, **scale),
        )
    )


def test_rate_for_another_batch(monkeypatch):
    (finding,) = schedule_findings(schedule())
    assert finding.level == WARNING
    assert 'linear rule gives 0.0025' in finding.what and '1 GPUs x 2' in finding.what
    assert list(schedule_findings(schedule(enable=True))) == []
    monkeypatch.setenv('WORLD_SIZE', '4')  # 4 x 2 = 8
    assert list(schedule_findings(schedule())) == []
    cfg = schedule()
    cfg.optim_wrapper.optimizer.lr, cfg.auto_scale_lr.base_batch_size = 0.1, 12
    monkeypatch.setenv('WORLD_SIZE', '6')  # 0.1 * 12 / 12 is not 0.1 in floats
    assert list(schedule_findings(cfg)) == []


def test_accumulated_gradients_are_not_scaled_by_mmengine(monkeypatch):
    cfg = schedule(enable=True)
    cfg.optim_wrapper.accumulative_counts = 4
    (finding,) = schedule_findings(cfg)
    # mmengine gives 0.01 * 2 / 8; the batch has 8 images, for which 0.01 is meant.
    assert 'trains with 0.0025' in finding.what and 'gives 0.01' in finding.what
    assert 'lr=0.04' in finding.remedy


@pytest.fixture
def run(tmp_path) -> Config:
    """A run whose config mmengine has left in the work dir."""
    path = tmp_path / 'config.py'
    path.write_text("a = dict(b=(1, 2), c=[dict(d='x')])\nmodel = dict(type='M')\n")
    cfg = Config.fromfile(path)
    cfg.work_dir = str(tmp_path / 'work')
    (tmp_path / 'work').mkdir()
    cfg.dump(tmp_path / 'work/config.py')
    return cfg


def test_work_dir_of_another_config(run, tmp_path):
    assert list(work_dir_findings(run)) == []
    run.a.c[0].d = 'y'
    assert differing_keys(run, tmp_path / 'work') == ['a.c.0.d']
    (finding,) = work_dir_findings(run)
    assert finding.level == WARNING and 'a.c.0.d' in finding.what
    (tmp_path / 'work/epoch_1.pth').touch()
    first, _ = work_dir_findings(run)
    assert 'epoch_1.pth' in first.what
    run.resume = True
    (finding,) = work_dir_findings(run)
    assert 'other values' in finding.what


@pytest.mark.parametrize('code', ["a = open('proof', 'w')\n", 'a, b = 1, 2\n'])
def test_the_config_in_a_work_dir_is_not_run(run, tmp_path, code, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'work/config.py').write_text(code)
    (finding,) = work_dir_findings(run)
    assert finding.level == WARNING and 'cannot be compared: ' in finding.what
    assert '\n' not in finding.line()
    assert not (tmp_path / 'proof').exists()


def test_a_two_stage_detector_goes_on_in_silence(repo, tmp_path):
    """mmdet writes into what it builds a model from; the dump has none of it."""

    def detector() -> Config:
        cfg = Config.fromfile(repo / 'configs/eca_faster_rcnn_r50.py')
        cfg.model.backbone.update(depth=18, init_cfg=None)
        cfg.model.neck.in_channels = [64, 128, 256, 512]
        cfg.work_dir, cfg.launcher = str(tmp_path), 'none'
        return cfg

    cfg = detector()
    build_model(cfg, 'meta')  # as the check before the run does
    build_runner(cfg)
    assert (tmp_path / 'eca_faster_rcnn_r50.py').is_file()
    cfg = detector()
    build_model(cfg, 'meta')
    cfg.resume = True
    assert list(work_dir_findings(cfg)) == []
    cfg.model.train_cfg.rcnn.sampler.num = 64
    (finding,) = work_dir_findings(cfg)
    assert 'has other values for model.train_cfg.rcnn.sampler.num' in finding.what


def test_work_dir_in_use(run, tmp_path, monkeypatch):
    (tmp_path / 'work/.run.lock').write_text('{"host": "node7", "pid": 42}')
    (finding,) = work_dir_findings(run)
    assert finding.level == ERROR
    assert 'in use by another run (process 42 on node7)' in finding.what


def free(monkeypatch, size: int) -> None:
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: Usage(0, 0, size))


def test_disk(monkeypatch, tmp_path):
    model = nn.Linear(1023, 256)  # 2**18 float32: 1 MiB
    cfg = Config(
        dict(
            work_dir=str(tmp_path / 'not/yet'),
            train_cfg=dict(max_epochs=12),
            default_hooks=dict(checkpoint=dict(interval=1, max_keep_ckpts=2)),
            optim_wrapper=dict(optimizer=dict(type='AdamW')),
        )
    )
    hook = cfg.default_hooks.checkpoint
    mib = 2**20
    assert disk.checkpoint_size(cfg, hook, model) == 3 * mib  # two moments
    model.weight.requires_grad = False
    assert disk.checkpoint_size(cfg, hook, model) == mib + 2 * 4 * 256
    model.weight.requires_grad = True
    # Two are kept while the third is written.
    for size, levels in ((9, []), (8, [WARNING]), (2, [ERROR])):
        free(monkeypatch, size * mib)
        assert [f.level for f in disk.disk_findings(cfg, model)] == levels
    hook.max_keep_ckpts = -1
    assert disk.files_at_once(cfg, hook) == 12
    hook.interval, hook.save_best = 5, ['a', 'b']
    assert disk.files_at_once(cfg, hook) == 3 + 2


MODEL = dict(
    type='ECAResNet', depth=18, base_channels=8, kernel_sizes=3, num_stages=2,
    strides=(1, 2), dilations=(1, 1), out_indices=(1,),
)  # fmt: skip


def test_weights_without_attention(tmp_path):
    cfg = Config(dict(model=MODEL))
    model = build_model(cfg, 'cpu')
    state = {k: v for k, v in model.state_dict().items() if '.eca.' not in k}
    path = str(tmp_path / 'plain.pth')
    torch.save(state, path)
    cfg.model.init_cfg = dict(type='Pretrained', checkpoint=path)
    findings = list(start_findings(cfg, build_model(cfg, 'cpu')))
    assert findings[0].level == NOTE and path in findings[0].what
    (told,) = [f for f in findings if 'ATTENTION LEFT AT RANDOM' in f.what]
    assert told.level == WARNING and '4 tensors' in told.what


def test_resume_with_another_model(tmp_path):
    cfg = Config(dict(model=MODEL))
    path = str(tmp_path / 'epoch_1.pth')
    torch.save(dict(state_dict=build_model(cfg, 'cpu').state_dict()), path)
    content = Content.of(path)
    assert list(other_model(content, build_model(cfg, 'meta'))) == []
    cfg.model.kernel_sizes = 5
    (finding,) = other_model(content, build_model(cfg, 'meta'))
    assert finding.level == ERROR
    assert '(1, 1, 3) instead of (1, 1, 5)' in finding.what


def test_json_and_table(capsys, monkeypatch):
    findings = [
        Finding(NOTE, 'images', 'val', '3 of 3 checked'),
        Finding(ERROR, 'disk', '', '1 MiB [red] free', 'make room'),
    ]
    findings_table.show('a.py', findings, with_json=True)
    shown = json.loads(capsys.readouterr().out)
    assert (shown['config'], shown['errors'], shown['warnings']) == ('a.py', 1, 0)
    assert shown['findings'][1]['remedy'] == 'make room'
    monkeypatch.setenv('COLUMNS', '80')
    findings_table.show('a.py', findings, with_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert 'a.py: 1 error, 0 warnings' in lines[0]
    text = '\n'.join(lines)
    assert max(map(len, lines)) == 80
    assert text.index('1 MiB [red] free') < text.index('make room') < text.index('3 of')


def test_load_from_another_wrapper(tmp_path):
    """As the run does: names of a model that was wrapped for several ranks."""
    cfg = Config(dict(model=MODEL, load_from=str(tmp_path / 'a.pth')))
    state = build_model(cfg, 'cpu').state_dict()
    wrapped = {f'module.{name}': value for name, value in state.items()}
    torch.save(dict(state_dict=wrapped), cfg.load_from)
    (finding,) = start_findings(cfg, build_model(cfg, 'cpu'))
    assert finding.level == NOTE and '0 missing, 0 unexpected' in finding.what
