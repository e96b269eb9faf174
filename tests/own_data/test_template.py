"""projects/own_data from labels to a trained model, as docs/own_data.md has it."""

import json
import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import PARAM_SCHEDULERS
from small_sets import voc_set

from eca_mm.engine import build_model

REPO = Path(__file__).parents[2]
TEMPLATE = REPO / 'projects/own_data/configs/eca_faster_rcnn_r50.py'
TINY = {
    'model.backbone.depth': 18,
    'model.backbone.base_channels': 8,
    'model.neck.in_channels': '8,16,32,64',
    'model.neck.out_channels': 8,
    'model.rpn_head.in_channels': 8,
    'model.rpn_head.feat_channels': 8,
    'model.roi_head.bbox_roi_extractor.out_channels': 8,
    'model.roi_head.bbox_head.in_channels': 8,
    'model.roi_head.bbox_head.fc_out_channels': 16,
}
SMALL = {
    'custom_hooks': '[]',  # no report, which takes longer than all else
    'train_dataloader.dataset.pipeline.2.scales': '[(96,64)]',
    'val_dataloader.dataset.pipeline.1.scale': '(96,64)',
    'test_dataloader.dataset.pipeline.1.scale': '(96,64)',
    'default_hooks.logger.interval': 1,
    'train_dataloader.num_workers': 0,
    'train_dataloader.persistent_workers': False,
    'val_dataloader.num_workers': 0,
    'val_dataloader.persistent_workers': False,
}


def changed(text: str, lines: list[str]) -> str:
    """The template with other values of what its first lines set."""
    for line in lines:
        name = line.split(' = ')[0]
        text, count = re.subn(rf'(?m)^{name} = .*$', line, text)
        assert count == 1
    return text


def plain_detector(config: Path, path: Path) -> dict:
    """Weights of the plain detector, with another number of classes, as the zoo's."""
    cfg = Config.fromfile(config)
    cfg.merge_from_dict({**TINY, 'model.neck.in_channels': [8, 16, 32, 64]})
    cfg.model.backbone.type = 'ResNet'
    cfg.model.backbone.pop('identity_init')
    cfg.model.roi_head.bbox_head.num_classes = 80
    state = build_model(cfg).state_dict()
    torch.save(dict(state_dict=state, meta={}), path)
    return state


def test_from_labels_to_a_model(convert, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    voc_set(Path('raw'))
    lists = ['--split', 'train', 'raw/train.txt', '--split', 'val', 'raw/val.txt']
    status, said, error = convert('raw/images', 'raw/xml', '--out', 'data/pets', *lists)
    assert status == 0, error
    lines = [*said.partition('for the config:\n')[2].splitlines(), 'iterations = 4']
    Path('pets.py').write_text(changed(TEMPLATE.read_text(), lines))
    before = plain_detector(Path('pets.py'), Path('plain.pth'))
    options = [f'{key}={value}' for key, value in (TINY | SMALL).items()]
    words = ['pets.py', '--cfg-options', *options, 'load_from=plain.pth']
    status, _, error = run('train', *words)
    assert status == 0, error
    work_dir = Path('work_dirs/pets')
    after = torch.load(work_dir / 'iter_4.pth', weights_only=True)
    state = after['state_dict']
    # What the plain detector has: frozen stages stay, others learn; classes are new.
    for name, is_same in [('layer1.0.conv1', True), ('layer2.0.conv1', False)]:
        key = f'backbone.{name}.weight'
        assert torch.equal(state[key], before[key]) == is_same
        change = (state[key] - before[key]).abs().max()
        assert change < 0.1 * before[key].abs().max()  # it began there
    assert state['roi_head.bbox_head.fc_cls.weight'].shape == (3, 16)
    taps = {k: v for k, v in state.items() if '.eca.' in k}
    assert len(taps) == 8
    assert all((v == 0).all() == ('.layer1.' in k) for k, v in taps.items())
    # 0.01 is for 8 images, these are 2; warm-up, whole rate, both drops.
    (log,) = work_dir.glob('*/vis_data/scalars.json')
    rows = [json.loads(line) for line in log.open()]
    found = [row['lr'] for row in rows if 'lr' in row]
    assert found == pytest.approx([2.5e-6, 2.5e-3, 2.5e-4, 2.5e-5])
    pictures = ['raw/images/c.JPG', '--out', 'found', '--score-thr', 0]
    status, said, error = run('infer', work_dir / 'iter_4.pth', *pictures)
    assert status == 0 and '1 images, ' in said, error
    found = json.loads(Path('found/images.json').read_text())
    assert [entry['name'] for entry in found['categories']] == ['cat', 'dog']


def rates(schedulers: list[dict], iterations: int, epoch: int = 1) -> list[float]:
    """The learning rate of each iteration, as a fraction of the config's."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    by_epoch, by_iteration = [], []
    for settings in schedulers:
        scheduler = PARAM_SCHEDULERS.build(dict(settings, optimizer=optimizer))
        (by_epoch if scheduler.by_epoch else by_iteration).append(scheduler)
    found = []
    for i in range(iterations):
        found.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        for scheduler in by_iteration:
            scheduler.step()
        if (i + 1) % epoch == 0:
            for scheduler in by_epoch:
                scheduler.step()
    return found


def test_the_arithmetic_of_the_guide():
    """80 images: of the paper's epochs and of the template's iterations.

    The warm-up rises by 0.999 in 499 steps from 0.001. 12 epochs are 120 iterations of
    8 images, 480 of 2; the rate is divided by 10 after 8/12 and 11/12 of them.
    """
    schedule = Config.fromfile(REPO / 'configs/modern/faster_rcnn_r50.py')
    for images, iterations, mean in ((8, 120, 0.058), (2, 480, 0.233)):
        found = rates(schedule.param_scheduler, iterations, epoch=80 // images)
        last = iterations * 8 // 12 - 1
        assert max(found) == found[last] == pytest.approx(0.001 + 0.999 * last / 499)
        assert sum(found) / iterations == pytest.approx(mean, abs=0.0006)
    cfg = Config.fromfile(TEMPLATE)
    assert cfg.train_cfg.max_iters == 2000
    found = rates(cfg.param_scheduler, 2000)
    assert found[0] == 0.001 and found[199:1333] == pytest.approx([1.0] * 1134)
    assert found[1333:1833] == pytest.approx([0.1] * 500)
    assert found[1833:] == pytest.approx([0.01] * 167)
    assert sum(found) / 2000 == pytest.approx(0.642, abs=0.0005)
