"""Train a detector: MMDetection's train command, with a check before it starts."""

from argparse import Namespace

import torch._dynamo  # noqa: F401  (by every optimiser: here while none collects)
from mmengine.config import Config
from mmengine.device import is_cuda_available

from eca_mm.engine import (
    RequestError,
    ask_to_resume,
    load_config,
    refuse_problems,
    resume_from_newest,
    show_problems,
    train,
)


def apply_options(cfg: Config, args: Namespace) -> None:
    """Write the training options into the config."""
    if args.amp:
        if not is_cuda_available():
            raise RequestError('--amp needs a GPU: leave it out to train on CPU')
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.loss_scale = 'dynamic'
    if args.auto_scale_lr:
        if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
            raise RequestError(
                '--auto-scale-lr: the config has no auto_scale_lr.base_batch_size: '
                'set it to the batch size that its learning rate is meant for'
            )
        cfg.auto_scale_lr.enable = True
    if args.keep_going_on_save_error:
        hook = cfg.get('default_hooks', {}).get('checkpoint') or {}
        if hook.get('type') != 'SafeCheckpointHook':
            raise RequestError(
                '--keep-going-on-save-error: set default_hooks.checkpoint.type of the '
                'config to SafeCheckpointHook'
            )
        hook['keep_going_on_save_error'] = True
    if args.nan_retry and not any(
        hook and hook.get('type') == 'LossGuardHook'
        for hook in cfg.get('default_hooks', {}).values()
    ):
        raise RequestError(
            "--nan-retry: add loss_guard=dict(type='LossGuardHook') to the config's "
            'default_hooks'
        )
    if args.resume is not None:
        ask_to_resume(cfg, args.resume)
    resume_from_newest(cfg)


def main(args: Namespace) -> None:
    cfg = load_config(args)
    apply_options(cfg, args)
    if args.check or args.json:
        show_problems(cfg, ('train', 'val'), args.check == 'full', args.json)
        return
    refuse_problems(cfg, ('train', 'val'))
    train(cfg, nan_retry=args.nan_retry)
