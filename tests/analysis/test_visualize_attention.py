import csv
import json
import sys

import cv2
import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config

from eca_mm.checkpoints.safe import load_file
from eca_mm.cli import run_command

CONFIG = 'projects/digits/configs/eca_faster_rcnn_r18.py'


@pytest.fixture
def run(repo, monkeypatch, capsys):
    """The tool as from the command line: exit status and last line of errors."""

    def run(*args) -> tuple[int, str]:
        monkeypatch.chdir(repo)
        monkeypatch.setattr(sys, 'argv', ['visualize_attention.py', *map(str, args)])
        status = run_command('visualize')
        # mmengine's logger keeps the stream of an earlier test and complains above.
        return status, ['', *capsys.readouterr().err.splitlines()][-1]

    return run


def read_csv(path) -> list[dict[str, str]]:
    with open(path) as file:
        return list(csv.DictReader(file))


@pytest.fixture
def checkpoint(repo, tmp_path):
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(repo / CONFIG).model)
    path = tmp_path / 'model.pth'
    torch.save(dict(state_dict=model.state_dict()), path)
    return path


@pytest.fixture
def pictures(tmp_path):
    """Dark and bright images: gates that see brightness tell the two apart."""
    rng = np.random.default_rng(0)
    for name, level in dict(bright=200, dark=20).items():
        (tmp_path / 'pictures' / name).mkdir(parents=True)
        for i in range(4):
            pixels = rng.integers(level, level + 40, (96, 128, 3), dtype=np.uint8)
            cv2.imwrite(str(tmp_path / 'pictures' / name / f'{i}.png'), pixels)
    return tmp_path / 'pictures'


def test_figures_and_data_of_a_folder(run, tmp_path, checkpoint, pictures):
    out = tmp_path / 'out'
    status, said = run(CONFIG, checkpoint, '--data', pictures, '--out', out)
    assert status == 0, said
    captions = json.loads((out / 'captions.json').read_text())
    assert sorted(captions) == [
        'channels.png', 'classes.png', 'distribution.png', 'kernels.png',
    ]  # fmt: skip
    assert '(0.143 on average' in captions['channels.png']  # (2 - 1) / (8 - 1)
    for name in captions:
        assert cv2.imread(str(out / name)).std() > 10  # something is drawn

    rows = read_csv(out / 'gates.csv')
    state = load_file(checkpoint)['state_dict']
    taps = {
        key: value for key, value in state.items() if key.endswith('eca.conv.weight')
    }
    assert {row['layer'] + '.conv.weight' for row in rows} == taps.keys()
    assert all(0 < float(row['mean']) < 1 for row in rows)
    # Two levels of brightness and little else: most gates know which it is.
    assert np.mean([float(row['separation']) > 0.9 for row in rows]) > 0.5

    means = read_csv(out / 'class_means.csv')
    for row, mean in zip(rows, means, strict=True):  # four images each
        halfway = (float(mean['bright']) + float(mean['dark'])) / 2
        assert float(row['mean']) == pytest.approx(halfway, abs=2e-6)
    for row in read_csv(out / 'kernels.csv'):
        weights = taps[row['layer'] + '.conv.weight'].flatten()
        weight = weights[int(row['offset']) + len(weights) // 2]
        assert float(row['weight']) == pytest.approx(float(weight), rel=1e-5)


@pytest.mark.parametrize(
    'args, expected',
    [
        (['--data', 'nowhere'], 'nowhere is not a folder of images'),
        (['--classes', 'cat', '--data', 'PICTURES'], 'bright, dark'),
        (['--num-images', '0', '--data', 'PICTURES'], '--num-images 0'),
        (
            [
                '--cfg-options',
                'test_dataloader.dataset.data_root=nowhere/',
                'test_evaluator.ann_file=nowhere/instances.json',
            ],
            'nowhere',
        ),
    ],
)
def test_wrong_requests(run, tmp_path, checkpoint, pictures, args, expected):
    args = [str(pictures) if arg == 'PICTURES' else arg for arg in args]
    status, said = run(CONFIG, checkpoint, '--out', tmp_path / 'out', *args)
    assert status == 2 and not (tmp_path / 'out').exists()
    assert said.startswith('error: ') and expected in said


@pytest.mark.parametrize(
    'config, state, expected',
    [
        ('mask_rcnn_r18.py', {}, 'no layer with channel gates'),
        ('eca_faster_rcnn_r18.py', {}, 'holds no tensors'),
        ('eca_faster_rcnn_r18.py', None, 'model.pth not found'),
    ],
)
def test_wrong_models_and_checkpoints(run, tmp_path, pictures, config, state, expected):
    checkpoint = tmp_path / 'model.pth'
    if state is not None:
        torch.save(dict(state_dict=state), checkpoint)
    config = f'projects/digits/configs/{config}'
    status, said = run(config, checkpoint, '--data', pictures)
    assert status == 2 and said.startswith('error: ') and expected in said
