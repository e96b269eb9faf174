"""Check that the run's checkpoints will fit on the disk."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from mmengine.config import Config
from torch import nn

from eca_mm.findings import ERROR, WARNING, Finding

# Tensors that an optimiser keeps for each trained one; one for other optimisers.
STATES = {'SGD': 0, 'Adam': 2, 'AdamW': 2, 'NAdam': 2, 'RAdam': 2, 'Adamax': 2}
ROOM = 'make room, set default_hooks.checkpoint.max_keep_ckpts, or choose another disk'


def disk_findings(cfg: Config, model: nn.Module) -> Iterator[Finding]:
    """Free space against the size of the checkpoints."""
    hook = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    if hook.get('backend_args') or not cfg.get('train_cfg'):
        return
    size = checkpoint_size(cfg, hook, model)
    files = max(1, files_at_once(cfg, hook) - existing(cfg))
    folder = Path(hook.get('out_dir') or cfg.get('work_dir') or '.').absolute()
    there = next(path for path in [folder, *folder.parents] if path.exists())
    free = shutil.disk_usage(there).free
    if free < size * files:
        what = (
            f'{mib(free)} free at {there}, and a checkpoint takes about {mib(size)}; '
            f'this run keeps up to {files} at a time'
        )
        yield Finding(ERROR if free < size else WARNING, 'disk', '', what, ROOM)


def checkpoint_size(cfg: Config, hook: dict, model: nn.Module) -> int:
    """Bytes of a checkpoint: weights, their average if there is one, optimiser."""
    weights = sum(t.numel() * t.element_size() for t in model.state_dict().values())
    averages = sum(h.get('type') == 'EMAHook' for h in cfg.get('custom_hooks') or [])
    trained = sum(
        p.numel() * p.element_size() for p in model.parameters() if p.requires_grad
    )
    optimizer = (cfg.get('optim_wrapper') or {}).get('optimizer') or {}
    kind = str(optimizer.get('type'))
    states = STATES.get(kind, 1) + bool(optimizer.get('momentum'))
    if not hook.get('save_optimizer', True):
        states = 0
    return weights * (1 + averages) + trained * states


def files_at_once(cfg: Config, hook: dict) -> int:
    """The largest number of checkpoints, including the one being written."""
    loop = cfg.train_cfg
    by_epoch = hook.get('by_epoch', True)
    length = loop.get('max_epochs') if by_epoch else loop.get('max_iters')
    interval = hook.get('interval', -1)
    regular = -(-length // interval) if length and interval > 0 else 1
    kept = hook.get('max_keep_ckpts', -1)
    if kept > 0:
        regular = min(regular, kept + 1)
    best = hook.get('save_best') or []
    return regular + (1 if isinstance(best, str) else len(best))


def existing(cfg: Config) -> int:
    """Checkpoints of the run that is resumed, which already have their space."""
    folder = Path(cfg.get('work_dir') or '.')
    return len(list(folder.glob('*.pth'))) if cfg.get('resume') else 0


def mib(size: int) -> str:
    return f'{size / 2**20:,.0f} MiB'
