"""A run of mmengine's Runner that takes milliseconds, and has all that a real one has.

Shuffled data with random augmentation in workers, dropout, momentum, a schedule by
iteration, and validation.
"""

import random
from itertools import count

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import Dataset

from eca_mm.engine import SafeCheckpointHook  # noqa: F401  (registers the hooks)

runs = count()  # mmengine keeps a logger for each name


class Noisy(Dataset):
    """Sample i is 8 numbers near i, with noise of all three random generators."""

    metainfo = dict(classes=('one',))

    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> dict:
        noise = random.random() + np.random.rand() + torch.rand(8)
        return dict(inputs=noise + index / 12)


class Small(BaseModel):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(8, 16), nn.Dropout(), nn.Linear(16, 1))

    def forward(self, inputs, data_samples=None, mode: str = 'tensor'):
        out = self.net(torch.stack(inputs))
        return dict(loss=out.square().mean()) if mode == 'loss' else [out]


class Score(BaseMetric):
    """The scores given, one a validation."""

    scores: list[float] = []

    def process(self, data_batch, data_samples) -> None:
        self.results.append(0)

    def compute_metrics(self, results) -> dict:
        return dict(acc=self.scores.pop(0) if self.scores else 0.0)


class EndWorkers(Hook):
    """At once: with those of a runner in the garbage torch has 5 s of patience each."""

    def after_run(self, runner: Runner) -> None:
        for loop in (runner.train_loop, runner.val_loop):
            loop.dataloader._iterator = loop.dataloader_iterator = None


def small_runner(
    work_dir,
    checkpoint=None,
    *,
    workers=0,
    epochs=3,
    hooks=(),
    train_sampler=None,
    data=None,
    val_data=None,
    batch_size=3,
    **kwargs,
):
    """3 epochs of 4 iterations; ``checkpoint`` has the hook's arguments.

    ``optim_wrapper`` adds to the optimiser's settings.
    """
    loader = dict(
        dataset=data or Noisy(),
        batch_size=batch_size,
        num_workers=workers,
        persistent_workers=workers > 0,
        sampler=dict(type='DefaultSampler', shuffle=True),
    )
    return Runner(
        model=Small(),
        work_dir=str(work_dir),
        train_dataloader=dict(loader, sampler=train_sampler or loader['sampler']),
        val_dataloader=dict(
            dataset=val_data or Noisy(),
            batch_size=3,
            num_workers=workers if val_data else 0,
            sampler=dict(type='DefaultSampler', shuffle=False),
        ),
        val_evaluator=[kwargs.pop('metric', None) or Score()],
        val_cfg=dict(),
        optim_wrapper=dict(
            optimizer=dict(type='SGD', lr=0.01, momentum=0.9),
            **kwargs.pop('optim_wrapper', {}),
        ),
        param_scheduler=kwargs.pop(
            'param_scheduler', dict(type='ExponentialLR', gamma=0.9, by_epoch=False)
        ),
        train_cfg=kwargs.pop('train_cfg', dict(by_epoch=True, max_epochs=epochs)),
        default_hooks=dict(
            checkpoint={'type': 'SafeCheckpointHook', **(checkpoint or {})},
            exact_resume=dict(type='ExactResumeHook'),
            stop_signal=dict(type='StopSignalHook'),
            loss_guard=dict(type='LossGuardHook'),
            broken_images=dict(type='BrokenImageHook'),
        ),
        custom_hooks=[*hooks, EndWorkers()],
        experiment_name=f'{work_dir}{next(runs)}',
        log_level='WARNING',
        **kwargs,
    )
