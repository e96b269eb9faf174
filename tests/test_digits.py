"""The composed digits: annotations against pixels, refusals, configs, the demo."""

import hashlib
import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.registry import DefaultScope
from pycocotools.coco import COCO

from eca_mm.engine import exit_status

datasets = pytest.importorskip('sklearn.datasets')
PROJECT = Path(__file__).parents[1] / 'projects' / 'digits'
CONFIGS = sorted((PROJECT / 'configs').glob('*.py'))
TINY = ('--train', '5', '--val', '3')


@pytest.fixture(scope='module')
def build():
    """projects/digits/build.py as a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(PROJECT)  # as when the script is run
        yield importlib.import_module('build')


@pytest.fixture
def command(build, monkeypatch):
    """Run the script with arguments in this process; returns its exit status."""

    def run(*arguments) -> int:
        monkeypatch.setattr(sys, 'argv', ['build.py', *map(str, arguments)])
        return exit_status(build.main)

    return run


@pytest.fixture
def data(command, tmp_path) -> Path:
    assert command('--out', tmp_path / 'digits', *TINY) == 0
    return tmp_path / 'digits'


def digests(folder: Path) -> dict[str, str]:
    """A hash of each file's bytes, by the path inside the folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob('*.*')
    }


@pytest.mark.parametrize(('split', 'count'), [('train', 5), ('val', 3)])
def test_annotations_are_the_decoded_masks(data, build, split, count):
    coco = COCO(data / 'annotations' / f'instances_{split}.json')
    assert len(coco.imgs) == count
    assert [c['name'] for c in coco.dataset['categories']] == list(build.NAMES)
    painted = {i: np.zeros((128, 128), int) for i in coco.imgs}
    for ann in coco.anns.values():
        mask = coco.annToMask(ann)  # (128, 128) of 0 and 1
        ys, xs = np.nonzero(mask)
        # Pixel indices to edges: a box ends where its last pixel ends.
        width, height = xs.max() + 1 - xs.min(), ys.max() + 1 - ys.min()
        assert ann['bbox'] == [xs.min(), ys.min(), width, height]
        assert mask.shape == (128, 128) and ann['area'] == mask.sum() > 0
        assert ann['iscrowd'] == 0
        target = datasets.load_digits().target[ann['digit_index']]
        assert build.NAMES[target] == coco.cats[ann['category_id']]['name']
        painted[ann['image_id']] += mask
    for i, times in painted.items():
        assert set(np.unique(times)) == {0, 1}, 'masks show only what is visible'
        image = build.cv2.imread(str(data / split / coco.imgs[i]['file_name']))
        drawn, digits = build.compose.draw_sample(split, i, seed=0, size=128)
        np.testing.assert_array_equal(image[..., ::-1], drawn)  # BGR to RGB
        np.testing.assert_array_equal(
            times, sum(mask.astype(int) for _, mask in digits)
        )


def test_train_and_val_share_no_digit_and_no_photo_region(data, build):
    splits = build.compose.split_digits(0)
    both = np.concatenate([splits['train'], splits['val']])
    assert sorted(both) == list(range(1797))  # each digit once
    assert len(splits['val']) == 359  # a fifth
    for split, indices in splits.items():
        anns = COCO(data / 'annotations' / f'instances_{split}.json').anns
        assert {ann['digit_index'] for ann in anns.values()} <= set(indices)
    parts = build.compose.split_photos()
    for train, val, photo in zip(
        parts['train'], parts['val'], datasets.load_sample_images().images, strict=True
    ):
        np.testing.assert_array_equal(np.concatenate([train, val], axis=1), photo)


def test_seed_and_number_decide_every_byte(command, data, tmp_path):
    first = digests(data)
    assert len(first) == 5 + 3 + 2
    requests = dict(
        again=TINY, other=[*TINY, '--seed', 1], more=['--train', 7, *TINY[2:]]
    )
    again, other, more = (
        command('--out', tmp_path / name, *request) or digests(tmp_path / name)
        for name, request in requests.items()
    )
    assert first == again
    assert first.keys() == other.keys()
    assert not set(first.values()) & set(other.values())
    images = [name for name in first if name.endswith('.png')]
    assert len(images) == 8 and all(first[name] == more[name] for name in images)


@pytest.mark.parametrize('size', [64, 128])
def test_pixels_change_inside_the_masks_and_nowhere_else(build, size):
    rng = np.random.default_rng(3)
    background = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
    kept = background.copy()
    glyphs = list(datasets.load_digits().images[:6])
    image, masks = build.compose.compose(background, glyphs, rng)
    np.testing.assert_array_equal(background, kept)  # the input is left alone
    union = np.any([mask for _, mask in masks], axis=0)
    changed = (image != background).any(axis=2)
    assert 3 <= len(masks) <= 6
    assert not changed[~union].any()
    # On noise a few pixels have the digit's own colour: a mask shifted by one pixel
    # would leave over 5 % unchanged.
    assert changed[union].mean() > 0.999
    shifted = np.roll(union, 1, axis=1)
    assert changed[shifted].mean() < 0.95


def test_a_digit_is_covered_only_a_little(build, monkeypatch):
    compose = build.compose
    draw_ink, drawn = compose.draw_ink, {}

    def spy(glyph, *rest):
        drawn[glyph.tobytes()] = ink = draw_ink(glyph, *rest)  # the last one was kept
        return ink

    monkeypatch.setattr(compose, 'draw_ink', spy)
    glyphs = list(datasets.load_digits().images[:6])
    shares = []
    for seed in range(20):
        ground = np.zeros((96, 96, 3), np.uint8)
        _, masks = compose.compose(ground, glyphs, np.random.default_rng(seed))
        full = {i: drawn[glyphs[i].tobytes()] > compose.INK for i, _ in masks}
        assert all((full[i] | ~mask).all() for i, mask in masks)
        shares += [mask.sum() / full[i].sum() for i, mask in masks]
    assert 0.9 <= min(shares) < max(shares) == 1


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['--train', '0'], '--train 0'),
        (['--val', '-2'], '--val -2'),
        (['--size', '63'], '--size 63'),
        (['--size', '2000'], '--size 2000'),
        (['--seed', '-1'], '--seed -1'),
    ],
)
def test_wrong_arguments_are_one_line(command, tmp_path, capsys, arguments, said):
    assert command('--out', tmp_path / 'digits', *arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith('error: ') and said in error and error.count('\n') == 1
    assert not list(tmp_path.iterdir())


def test_a_foreign_folder_is_refused_and_left_alone(command, tmp_path, capsys):
    (tmp_path / 'thesis.txt').write_text('mine')
    assert command('--out', tmp_path, *TINY) == 2
    assert 'not made by this script' in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ['thesis.txt']


def test_same_settings_are_not_built_twice_others_are(command, data, capsys):
    marker = data / 'train' / '00000.png'
    marker.write_bytes(b'kept')
    assert command('--out', data, *TINY) == 0
    assert 'already built' in capsys.readouterr().out
    assert marker.read_bytes() == b'kept'
    assert command('--out', data, '--train', 2, '--val', 1) == 0
    assert marker.read_bytes() != b'kept'
    assert len(list((data / 'train').iterdir())) == 2


def test_a_build_that_breaks_off_leaves_nothing_half(
    command, build, data, tmp_path, monkeypatch
):
    before, write, calls = digests(data), build.cv2.imwrite, []

    def full_disk(*arguments):
        calls.append(arguments)
        if len(calls) > 2:
            raise OSError('No space left on device')
        return write(*arguments)

    monkeypatch.setattr(build.cv2, 'imwrite', full_disk)
    for out in (data, tmp_path / 'new'):
        calls.clear()
        with pytest.raises(OSError, match='No space'):
            command('--out', out, '--train', 4)
        assert len(calls) == 3
    assert digests(data) == before
    assert [path.name for path in tmp_path.iterdir()] == ['digits']


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_configs_build(path):
    cfg = Config.fromfile(path)
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = MODELS.build(cfg.model)
    head = getattr(model, 'roi_head', model).bbox_head
    assert head.num_classes == 10
    # A block's own line or none: ResNet-18 has 8 blocks.
    gates = [m for m in model.backbone.modules() if type(m).__name__ == 'ECA']
    assert len(gates) == (8 if path.stem.startswith('eca_') else 0)
    assert sum(p.numel() for p in model.parameters()) < 5e6
    assert all(p.requires_grad for p in model.parameters())


@pytest.mark.slow
def test_demo_trains_and_reports(tmp_path):
    work_dir = tmp_path / 'work'
    command = [sys.executable, PROJECT / 'demo.py', '--data', tmp_path / 'digits']
    command += ['--train', '4', '--val', '2', '--work-dir', work_dir]
    command += [
        '--cfg-options',
        'train_cfg.max_epochs=1',
        'train_dataloader.batch_size=2',
    ]
    # Started elsewhere: the phases find the repository themselves.
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    results = json.loads((work_dir / 'results.json').read_text())
    assert results['checkpoint'].endswith('epoch_1.pth')
    assert 0 <= results['coco']['bbox']['AP'] <= 1
    for name in ('index.html', 'report.md', 'predictions.bbox.json'):
        assert (work_dir / name).stat().st_size > 0
    for line in ('1/3 build', '2/3 train', '3/3 evaluate', 'box AP:', str(work_dir)):
        assert line in done.stdout


def test_demo_stops_at_the_phase_that_fails(tmp_path):
    command = [sys.executable, PROJECT / 'demo.py', '--data', tmp_path / 'digits']
    done = subprocess.run([*command, '--val', '0'], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count('\n') == 1 and '--val 0' in done.stderr
    assert '2/3' not in done.stdout and not list(tmp_path.iterdir())
