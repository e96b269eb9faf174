"""Images that cannot be read: skipped and counted in training, named in any case."""

import cv2
import numpy as np
import pytest
import torch
from mmcv.transforms import LoadImageFromFile
from mmengine.dataset import BaseDataset, Compose, ConcatDataset, RepeatDataset
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from small_run import small_runner
from test_exact_resume import Kill, assert_equal, disturb, end_state  # noqa: F401

from eca_mm.engine import RunStopped
from eca_mm.engine.broken_images import UnreadableImage, WatchedLoading
from eca_mm.engine.resume import newest_checkpoint


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(Runner, '_log_env', lambda *args: None)  # a second each


def pack(results: dict) -> dict:
    pixels = torch.from_numpy(results['img']).float().flatten()[:8] / 255
    sample = BaseDataElement(metainfo=dict(img_path=results['img_path']))
    return dict(inputs=pixels + np.random.rand(), data_samples=sample)


class Pictures(BaseDataset):
    """The 12 images of a folder."""

    def __init__(self, folder, test_mode: bool = False) -> None:
        self.folder = folder
        super().__init__(
            pipeline=[LoadImageFromFile(), pack], test_mode=test_mode, lazy_init=True
        )
        self.full_init()

    def load_data_list(self) -> list[dict]:
        return [dict(img_path=str(self.folder / f'{i:02}.jpg')) for i in range(12)]


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / 'images'
    folder.mkdir()
    for i in range(12):
        cv2.imwrite(
            str(folder / f'{i:02}.jpg'), rng.integers(0, 255, (16, 16, 3), np.uint8)
        )
    return folder


def damage(folder) -> list[str]:
    """Four images, one in each way; gives their names."""
    (folder / '01.jpg').unlink()
    (folder / '04.jpg').write_bytes(b'')
    (folder / '05.jpg').write_bytes((folder / '05.jpg').read_bytes()[:-20])
    (folder / '09.jpg').write_text('no image at all\n' * 50)
    return [str(folder / f'{i:02}.jpg') for i in (1, 4, 5, 9)]


def listed(work_dir) -> dict[str, str]:
    text = (work_dir / 'broken_images.txt').read_text()
    rows = [line.split('\t') for line in text.splitlines()]
    return dict(rows)


@HOOKS.register_module(force=True)
class Seen(Hook):
    """The images that were trained on."""

    def __init__(self) -> None:
        self.images = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.images += [sample.img_path for sample in data_batch['data_samples']]


@pytest.mark.parametrize(
    ('wrapper', 'workers'),
    [(None, 0), (None, 2), (RepeatDataset, 0), (ConcatDataset, 0)],
)
def test_skipped_counted_and_replaced(tmp_path, folder, capfd, workers, wrapper):
    broken = damage(folder)
    data = Pictures(folder)
    if wrapper is RepeatDataset:
        data = RepeatDataset(data, times=1)
    elif wrapper is ConcatDataset:
        data = ConcatDataset([data])
    seen = Seen()
    runner = small_runner(tmp_path, data=data, workers=workers, hooks=[seen])
    runner.train()
    assert runner.iter == 12 and len(seen.images) == 36
    assert not set(seen.images) & set(broken)
    found = listed(tmp_path)
    assert sorted(found) == broken
    assert found[broken[0]] == 'No such file or directory'
    assert {found[name] for name in broken[1:]} == {'empty, cut off or not an image'}
    out = capfd.readouterr().out
    assert [out.count(f'skipped {name}: ') for name in broken] == [1] * 4


def test_stops_over_the_limit(tmp_path, folder):
    broken = damage(folder)
    runner = small_runner(tmp_path, data=Pictures(folder), randomness=dict(seed=1))
    (hook,) = (h for h in runner.hooks if type(h).__name__ == 'BrokenImageHook')
    hook.limit = 3
    with pytest.raises(RunStopped, match='4 images cannot be read, and 3 may') as error:
        runner.train()
    assert all(name in str(error.value) for name in broken)
    last = newest_checkpoint(tmp_path)
    assert f'resume from {last} with --resume' in str(error.value)
    assert last.name == 'interrupted.pth' and error.value.status == 1


@pytest.mark.parametrize('workers', [0, 1])
def test_a_folder_that_is_gone(tmp_path, folder, workers):
    """No batch can be made, so that the iteration cannot end."""
    for path in folder.iterdir():
        path.unlink()
    runner = small_runner(tmp_path, data=Pictures(folder), workers=workers)
    with pytest.raises(UnreadableImage) as error:
        runner.train()
    said = str(error.value)
    assert said.startswith(f'cannot read image {folder}/') and '\n' not in said
    assert ': No such file or directory; fix it' in said


@pytest.mark.parametrize('workers', [0, 1])
def test_validation_skips_none(tmp_path, folder, workers):
    damage(folder)
    val_data = Pictures(folder, test_mode=True)
    runner = small_runner(tmp_path, workers=workers, val_data=val_data)
    with pytest.raises(UnreadableImage) as error:
        runner.train()
    assert str(error.value).startswith(f'cannot read image {folder}/01.jpg: No such')
    assert runner.iter == 4 and not (tmp_path / 'broken_images.txt').exists()


@pytest.mark.parametrize(
    ('by_epoch', 'workers'), [(True, 0), (True, 2), (False, 0), (False, 2)]
)
def test_resume_stays_exact(tmp_path, folder, workers, by_epoch):
    damage(folder)

    def runner(name, workers=workers, **kwargs):
        if not by_epoch:
            kwargs |= dict(
                train_cfg=dict(by_epoch=False, max_iters=12),
                train_sampler=dict(type='InfiniteSampler', shuffle=True),
            )
        return small_runner(
            tmp_path / name, dict(interval=3, by_epoch=False), data=Pictures(folder),
            workers=workers, randomness=dict(seed=3), **kwargs,
        )  # fmt: skip

    expected = end_state(runner('whole'))
    assert len(listed(tmp_path / 'whole')) == 4
    disturb()
    with pytest.raises(KeyboardInterrupt):
        runner('killed', workers=0, hooks=[dict(type='Kill', at=7)]).train()
    disturb()
    last = newest_checkpoint(tmp_path / 'killed')
    assert last.name == 'iter_6.pth'
    resumed = runner('killed', workers=0, resume=True, load_from=str(last))
    assert_equal(end_state(resumed), expected)


def test_channels_and_other_errors(folder):
    def reason(load, channels=3) -> str:
        step = WatchedLoading(load, channels, None, 0)
        with pytest.raises(UnreadableImage) as error:
            step(dict(img_path='a.png'))
        return str(error.value).removeprefix('cannot read image a.png: ').split(';')[0]

    def image(*shape):
        return lambda results: dict(results, img=np.zeros(shape))

    assert reason(image(4, 4)) == '1 channels, and the model takes 3'
    assert reason(image(4, 4, 4)) == '4 channels, and the model takes 3'
    assert WatchedLoading(image(4, 4), None, None, 0)({})['img'].shape == (4, 4)
    assert reason(lambda results: None) == 'empty, cut off or not an image'

    def fails(results):
        raise ValueError('no such\nbackend')

    assert reason(fails) == 'ValueError: no such backend'


def test_a_pipeline_that_is_switched_is_watched_too(tmp_path, folder):
    damage(folder)

    class Switch(Hook):
        priority = 'NORMAL'

        def before_train_epoch(self, runner) -> None:
            data = runner.train_dataloader.dataset
            data.pipeline = Compose([LoadImageFromFile(), pack])

    small_runner(tmp_path, data=Pictures(folder), hooks=[Switch()], epochs=1).train()
    assert len(listed(tmp_path)) == 4
