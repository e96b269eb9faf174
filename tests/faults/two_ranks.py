"""One of two ranks on gloo; started by tools/launch.py.

usage: two_ranks.py WORK_DIR ... [--kill RANK ITERATION]
It trains in one work dir after the other, and in the last one a rank is killed.
"""

import argparse
import os
import signal
import sys
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

sys.path.insert(0, str(Path(__file__).parents[1] / 'engine'))
from small_run import small_runner  # noqa: E402

from eca_mm.engine import exit_status, resume_from_newest  # noqa: E402
from eca_mm.engine.distributed import prepare_ranks  # noqa: E402


class Kill(Hook):
    """SIGKILL to this rank at the start of an iteration; ``killed`` says when."""

    def __init__(self, iteration: int) -> None:
        self.iteration = iteration

    def before_train_iter(self, runner: Runner, *args, **kwargs) -> None:
        if runner.iter == self.iteration:
            Path(runner.work_dir, 'killed').touch()
            os.kill(os.getpid(), signal.SIGKILL)


def train(work_dir: str, kill: int | None) -> None:
    cfg = Config(dict(work_dir=work_dir, resume=True, load_from=None))
    cfg.launcher, cfg.env_cfg = 'pytorch', dict(dist_cfg={})
    resume_from_newest(cfg)
    prepare_ranks(cfg)
    small_runner(
        work_dir,
        dict(interval=1, by_epoch=False, max_keep_ckpts=1),
        epochs=6,  # of 2 iterations
        hooks=[] if kill is None else [Kill(kill)],
        resume=cfg.resume,
        load_from=cfg.load_from,
        randomness=dict(seed=7),
        launcher=cfg.launcher,
        env_cfg=cfg.env_cfg,
        cfg=dict(model_wrapper_cfg=cfg.model_wrapper_cfg),
    ).train()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('work_dirs', nargs='+')
    parser.add_argument('--kill', nargs=2, type=int, default=(-1, -1))
    args = parser.parse_args()
    torch.set_num_threads(1)
    Runner._log_env = lambda *args: None  # a second each
    rank, iteration = args.kill
    mine = int(os.environ['RANK']) == rank
    for work_dir in args.work_dirs:
        last = work_dir == args.work_dirs[-1]
        train(work_dir, iteration if mine and last else None)


if __name__ == '__main__':
    sys.exit(exit_status(main))
