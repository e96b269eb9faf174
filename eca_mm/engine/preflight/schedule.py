"""Check the learning rate against the number of images in a step."""

import math
import os
from collections.abc import Iterator
from itertools import chain

from mmengine.config import Config

from eca_mm.findings import WARNING, Finding

# Far above any recipe that we know: SGD goes up to 3.2, with batches of 8192 images.
HIGHEST = dict.fromkeys(('Adam', 'AdamW', 'NAdam', 'RAdam', 'Adamax'), 0.02)
HIGHEST['SGD'] = 4
USUAL = dict.fromkeys(HIGHEST, 1e-4) | {'SGD': 0.02}
WARM_UPS = ('LinearLR', 'ConstantLR', 'LinearParamScheduler', 'ConstantParamScheduler')


def schedule_findings(cfg: Config) -> Iterator[Finding]:
    """Whether the rate is meant for this batch size, if the config says so.

    With ``auto_scale_lr.enable`` mmengine scales the rate to GPUs x batch_size; it does
    not count accumulated gradients.
    """
    scale = cfg.get('auto_scale_lr') or {}
    base = scale.get('base_batch_size')
    wrapper = cfg.get('optim_wrapper') or {}
    batch = (cfg.get('train_dataloader') or {}).get('batch_size')
    rate = (wrapper.get('optimizer') or {}).get('lr')
    if not base or not batch or not rate:
        return
    steps = wrapper.get('accumulative_counts', 1)
    images = processes() * batch
    is_scaled = bool(scale.get('enable'))
    used = rate * images / base if is_scaled else rate
    meant = rate * images * steps / base  # the linear rule
    if not math.isclose(used, meant):
        of_steps = f' x {steps} accumulated' if steps > 1 else ''
        what = (
            f'lr {rate:g} is for {base} images in a batch; this run has '
            f'{images * steps} ({processes()} GPUs x {batch}{of_steps}) and trains '
            f'with {used:g}, where the linear rule gives {meant:g}'
        )
        scaled = meant * base / images if is_scaled else meant
        remedy = f'set optim_wrapper.optimizer.lr={scaled:g} if this is not intended'
        if steps == 1:
            remedy = f'set auto_scale_lr.enable=True, or {remedy[4:]}'
        yield Finding(WARNING, 'learning rate', '', what, remedy)


def processes() -> int:
    """The number of processes that train, by torchrun or Slurm, else one."""
    return int(os.environ.get('WORLD_SIZE', os.environ.get('SLURM_NTASKS', 1)))


def rate_findings(cfg: Config) -> Iterator[Finding]:
    """A learning rate far above what is usual for the kind of optimiser."""
    optimizer = (cfg.get('optim_wrapper') or {}).get('optimizer') or {}
    kind, rate = str(optimizer.get('type')), optimizer.get('lr')
    highest = HIGHEST.get(kind)
    if highest and isinstance(rate, (int, float)) and rate > highest:
        what = f'lr {rate:g} is far above what {kind} is used with: {highest:g} at most'
        remedy = (
            f'if unintended, set optim_wrapper.optimizer.lr to {USUAL[kind]:g} or so'
        )
        yield Finding(WARNING, 'learning rate', '', what, remedy)


def built_schedule_findings(
    schedulers: list | dict, epochs: int, iterations: int
) -> Iterator[Finding]:
    """A warm-up that is longer than the run, so that its rate is never reached.

    Args:
        schedulers: As the host builds them.
        epochs, iterations: Of the whole run.
    """
    groups = schedulers.values() if isinstance(schedulers, dict) else [schedulers]
    for scheduler in chain.from_iterable(groups):
        total = epochs if scheduler.by_epoch else iterations
        unit = 'epochs' if scheduler.by_epoch else 'iterations'
        if type(scheduler).__name__ not in WARM_UPS or scheduler.begin:
            continue
        if scheduler.end > total:
            what = (
                f'the warm-up takes {scheduler.end} {unit} and the run has {total}: '
                'its learning rate is never reached'
            )
            remedy = (
                f'set end of {type(scheduler).__name__} to about {max(1, total // 10)}'
            )
            yield Finding(WARNING, 'param_scheduler', '', what, remedy)
