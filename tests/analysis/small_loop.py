"""A run of mmengine's loop by iteration with a hook that sleeps."""

import time
from pathlib import Path

import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner


class One(BaseModel):
    def __init__(self) -> None:
        super().__init__()
        self.net = torch.nn.Linear(1, 1)

    def forward(self, inputs, mode: str = 'tensor'):
        out = self.net(torch.stack(inputs))
        return dict(loss=out.mean()) if mode == 'loss' else [out]


class Nothing(BaseMetric):
    def process(self, data_batch, data_samples) -> None:
        self.results.append(0)

    def compute_metrics(self, results) -> dict:
        return dict(count=len(results))


class Sleep(Hook):
    priority = 'VERY_LOW'

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def after_train_iter(self, runner, *args, **kwargs) -> None:
        time.sleep(self.seconds)

    before_val_epoch = after_train_iter


def small_loop(work_dir: Path, probe: Hook, seconds: float, iterations: int) -> None:
    loader = dict(
        dataset=[dict(inputs=torch.ones(1))] * 4, batch_size=2,
        sampler=dict(type='DefaultSampler', shuffle=False),
    )  # fmt: skip
    Runner(
        model=One(), work_dir=str(work_dir), experiment_name=work_dir.name,
        train_dataloader=loader | dict(sampler=dict(type='InfiniteSampler')),
        val_dataloader=loader, val_evaluator=[Nothing()], val_cfg=dict(),
        train_cfg=dict(by_epoch=False, max_iters=iterations, val_interval=iterations),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        custom_hooks=[Sleep(seconds), probe], log_level='WARNING',
    ).train()  # fmt: skip
