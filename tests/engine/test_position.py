"""A resume with epochs of another length: nothing is left out, and it is said."""

from collections import Counter
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from small_run import Noisy, small_runner

from eca_mm.engine.data_order import AskedInVain
from eca_mm.engine.resume import newest_checkpoint

STOP = dict(interval=2, by_epoch=False)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(Runner, '_log_env', lambda *args: None)  # a second each


class Numbered(Noisy):
    """Sample i is a hundredth of its number, and nothing else."""

    def __init__(self, count: int = 12, name: str = 'a') -> None:
        self.count, self.name = count, name

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> dict:
        return dict(inputs=torch.full((8,), index / 100))

    def get_data_info(self, index: int) -> dict:
        return dict(img_path=f'/some/where/{self.name}{index}.jpg')


def numbers(batch: dict) -> list[int]:
    return [round(100 * float(sample[0])) for sample in batch['inputs']]


class Seen(Hook):
    """Which samples each epoch had, and when hooks were told that it is the last."""

    priority = 'VERY_LOW'

    def __init__(self, stop_at=None) -> None:
        self.stop_at, self.last = stop_at, []
        self.epochs: dict[int, Counter] = {}

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        if runner.iter == self.stop_at:
            raise KeyboardInterrupt
        seen = self.epochs.setdefault(runner.epoch, Counter())
        seen.update(numbers(data_batch))
        if self.is_last_train_iter(runner):
            self.last.append(runner.iter)


def interrupted(work_dir, at: int, hook=STOP, **kwargs) -> str:
    seen = Seen(at)
    runner = small_runner(work_dir, hook, hooks=[seen], data=Numbered(), **kwargs)
    with pytest.raises(KeyboardInterrupt):
        runner.train()
    return str(newest_checkpoint(work_dir))


def resumed(work_dir, last: str, **kwargs) -> tuple[Runner, Seen]:
    seen = Seen()
    kwargs.setdefault('data', Numbered())
    runner = small_runner(
        work_dir, STOP, hooks=[seen], resume=True, load_from=last, **kwargs
    )
    runner.train()
    return runner, seen


# Stopped at batch 2 of the 4 of the second of three epochs: 6 of 12 images.
@pytest.mark.parametrize(
    ('changed', 'length', 'said'),
    [
        (dict(batch_size=4), 3, 'another batch size (3 -> 4)'),  # to the third batch
        (dict(batch_size=6), 2, 'another batch size (3 -> 6)'),  # to the last one
        (dict(batch_size=1), 12, 'another batch size (3 -> 1)'),
        (dict(data=Numbered(7)), 3, 'another number of images (12 -> 7)'),
        (dict(data=Numbered(30)), 10, 'another number of images (12 -> 30)'),
        (dict(data=Numbered(name='b')), 4, 'resumed with other images: '),
    ],
)
def test_epoch_of_another_length_is_repeated(tmp_path, changed, length, said, capsys):
    last = interrupted(tmp_path, 7)
    capsys.readouterr()
    runner, seen = resumed(tmp_path, last, **changed)
    count = len(changed.get('data', Numbered()))
    # Each epoch that was left has every image (once, but to fill the last batch).
    assert list(seen.epochs) == [1, 2]
    assert all(set(images) == set(range(count)) for images in seen.epochs.values())
    assert (runner.epoch, runner.iter) == (3, 6 + 2 * length) == (3, runner.max_iters)
    assert seen.last == [runner.iter - 1]
    (line,) = [x for x in capsys.readouterr().err.splitlines() if 'resumed with' in x]
    assert said in line and 'epoch 2 starts from its beginning, and 6 of its' in line
    # The next resume knows nothing of the first length.
    again = str(newest_checkpoint(tmp_path))
    resumed(tmp_path, again, **changed)
    assert 'resumed with' not in capsys.readouterr().err


def test_between_epochs_nothing_is_repeated(tmp_path, capsys):
    last = interrupted(tmp_path, 5, dict(interval=1))
    assert last.endswith('epoch_1.pth')
    runner, seen = resumed(tmp_path, last, batch_size=6)
    assert [sum(images.values()) for images in seen.epochs.values()] == [12, 12]
    assert (runner.iter, runner.max_iters) == (8, 8)
    assert 'training continues with epoch 2' in capsys.readouterr().err


def test_a_whole_epoch_is_not_repeated(tmp_path, capsys):
    last = interrupted(tmp_path, 4)
    assert torch.load(last, weights_only=True)['meta']['epoch'] == 0
    runner, seen = resumed(tmp_path, last, batch_size=6)
    assert list(seen.epochs) == [1, 2] and runner.iter == runner.max_iters == 8
    assert 'continues after epoch 1' in capsys.readouterr().err


def test_same_setting_is_silent_and_goes_on(tmp_path, capsys):
    last = interrupted(tmp_path, 7)
    position = torch.load(last, weights_only=True)['meta']['position']
    assert (position['batches'], position['images']) == (2, 6)
    capsys.readouterr()
    runner, seen = resumed(tmp_path, last)
    assert [sum(images.values()) for images in seen.epochs.values()] == [6, 12]
    assert runner.iter == runner.max_iters == 12
    assert 'warning' not in capsys.readouterr().err


def test_checkpoint_that_does_not_say(tmp_path, capsys):
    """As mmengine's hook writes it."""
    last = interrupted(tmp_path, 7)
    state = torch.load(last, weights_only=True)
    del state['meta']['position']
    torch.save(state, last)
    runner, seen = resumed(tmp_path, last)
    assert [sum(images.values()) for images in seen.epochs.values()] == [12, 12]
    assert 'does not say where' in capsys.readouterr().err


EPOCHS = dict(by_epoch=True, convert_to_iter_based=True)


@pytest.mark.parametrize(
    'schedule',
    [
        dict(type='CosineAnnealingLR', T_max=3, end=3, eta_min=0, **EPOCHS),
        dict(type='LinearLR', start_factor=1, end_factor=0.01, end=3, **EPOCHS),
        dict(type='PolyLR', eta_min=0, end=3, **EPOCHS),
    ],
)
@pytest.mark.parametrize('batch_size', [1, 6])
@pytest.mark.parametrize('at', [5, 7])  # between two epochs, and within one
def test_schedule_in_epochs_ends_with_the_run(tmp_path, schedule, batch_size, at):
    settings = dict(param_scheduler=schedule)
    whole = small_runner(tmp_path / 'whole', STOP, data=Numbered(), **settings)
    whole.train()
    last = interrupted(tmp_path / 'run', at, dict(interval=1), **settings)
    if at == 7:
        last = interrupted(tmp_path / 'run', at, **settings)
    runner, _ = resumed(tmp_path / 'run', last, batch_size=batch_size, **settings)
    first, end = (run.optim_wrapper.get_lr()['lr'][0] for run in (whole, runner))
    assert end == pytest.approx(first, abs=0.0006)  # of 0.01 at the start


def test_schedule_by_iteration_stays(tmp_path):
    settings = dict(
        param_scheduler=dict(type='LinearLR', start_factor=0.1, end=11, by_epoch=False)
    )
    last = interrupted(tmp_path, 7, **settings)
    runner, _ = resumed(tmp_path, last, batch_size=6, **settings)
    (scheduler,) = runner.param_schedulers
    assert (scheduler.end, scheduler._global_step) == (11, 6 + 4)
    assert runner.optim_wrapper.get_lr()['lr'][0] == pytest.approx(0.01)


class Cache:
    """As mmdet's CachedMosaic has it."""

    results_cache = []

    def __call__(self, sample: dict) -> dict:
        return sample


def test_cached_augmentation_is_named(tmp_path, capsys):
    data = Numbered()
    data.pipeline = SimpleNamespace(transforms=[SimpleNamespace(transforms=[Cache()])])
    last = interrupted(tmp_path, 7)
    assert 'Cache' not in capsys.readouterr().err
    runner, seen = resumed(tmp_path, last, data=data)
    lines = [x for x in capsys.readouterr().err.splitlines() if 'warning' in x]
    (line,) = lines
    assert 'Cache caches images, which no checkpoint contains' in line
    assert [sum(images.values()) for images in seen.epochs.values()] == [6, 12]


@pytest.mark.parametrize(('at', 'says'), [(5, True), (7, False)])
def test_a_save_within_a_step_is_named(tmp_path, capsys, at, says):
    settings = dict(optim_wrapper=dict(accumulative_counts=3))
    last = interrupted(tmp_path, at, **settings)  # saved at 4, and at 6
    capsys.readouterr()
    resumed(tmp_path, last, **settings)
    said = capsys.readouterr().err
    told = 'saved within a step of 3 iterations, and contains no gradients'
    assert (told in said) is says


BY_ITERATION = dict(
    train_cfg=dict(by_epoch=False, max_iters=8), randomness=dict(seed=1)
)


@pytest.mark.parametrize('sampler', ['InfiniteSampler', 'DefaultSampler'])
@pytest.mark.parametrize('batch_size', [1, 2, 3, 5])
def test_by_iteration_no_image_is_left_out(tmp_path, sampler, batch_size, monkeypatch):
    monkeypatch.setattr('time.sleep', lambda seconds: None)  # 2 s at each pass
    settings = dict(BY_ITERATION, train_sampler=dict(type=sampler, shuffle=True))
    last = interrupted(tmp_path, 3, **settings)
    loaded = []
    monkeypatch.setattr(AskedInVain, '__next__', counted(loaded))
    runner, seen = resumed(tmp_path, last, batch_size=batch_size, **settings)
    assert runner.iter == 8 and loaded.count(None) == 2
    # 6 images had been trained on: the first batch has the 7th of the order.
    order = [image for batch in order_of(loaded) for image in batch]
    stream = stream_of(sampler)
    begin = 6 // batch_size * batch_size
    assert order == stream[begin : begin + len(order)]


def counted(loaded: list):
    real = AskedInVain.__next__

    def call(self):
        loaded.append(real(self))
        return loaded[-1]

    return call


def order_of(loaded: list) -> list[list[int]]:
    return [numbers(batch) for batch in loaded if batch is not None]


def stream_of(sampler: str) -> list[int]:
    """The order of samples by the definition of the sampler, seed 1."""
    generator, order = torch.Generator(), []
    for number in range(4):
        if number == 0 or sampler == 'DefaultSampler':
            generator.manual_seed(1 + number)
        order += torch.randperm(12, generator=generator).tolist()
    return order
