"""The learning rate against the images that one step of the optimiser sees."""

import math
import os
from collections.abc import Iterator

from mmengine.config import Config

from eca_mm.findings import WARNING, Finding


def schedule_findings(cfg: Config) -> Iterator[Finding]:
    """Whether the rate is meant for the batch, where the config says what it is for.

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
        remedy = f'set optim_wrapper.optimizer.lr={scaled:g} if that is not meant'
        if steps == 1:
            remedy = f'set auto_scale_lr.enable=True, or {remedy[4:]}'
        yield Finding(WARNING, 'learning rate', '', what, remedy)


def processes() -> int:
    """How many processes train: of torchrun or of Slurm, one without them."""
    return int(os.environ.get('WORLD_SIZE', os.environ.get('SLURM_NTASKS', 1)))
