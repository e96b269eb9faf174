"""``benchmark --level engine``: a whole run compared with MMDetection's train.py."""

import argparse
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from mmengine.config import Config

import eca_mm
from eca_mm.analysis import engine_configs, engine_cost
from eca_mm.engine import RunStopped, read_config
from eca_mm.environment import commit, device_name, versions

PACKAGES = ('torch', 'mmengine', 'mmdet', 'mmcv')
# About 50 ms an iteration on 2 idle cores (AMD EPYC), at this many images.
SMALL = 'eca_mm::projects/digits/configs/faster_rcnn_r18_64.py'
SMALL_BATCH = 4


def config_of(args: argparse.Namespace, folder: Path) -> Config:
    """The config that is asked for, or a small one on data made in ``folder``."""
    if args.config:
        return read_config(args.config[0])
    engine_configs.make_data(folder / 'data')
    root, loaders = f'{folder}/data/', ('train', 'val', 'test')
    options: dict = {f'{split}_dataloader.dataset.data_root': root for split in loaders}
    truth = f'{root}annotations/instances_val.json'
    options |= {f'{split}_evaluator.ann_file': truth for split in ('val', 'test')}
    options |= {'train_dataloader.batch_size': SMALL_BATCH}
    return read_config(SMALL, options)


def measure(args: argparse.Namespace, tick: Callable[[], None]) -> list[dict]:
    """All rows of the CSV file.

    Raises:
        RunStopped: One of the runs failed.
    """
    with TemporaryDirectory(prefix='eca_mm_engine_') as name:
        cfg = config_of(args, Path(name))
        try:
            rows = list(
                engine_cost.measure(cfg, args.iterations, args.rounds, Path(name), tick)
            )
        except engine_cost.RunFailed as error:
            raise RunStopped(str(error)) from None
        model = Path(args.config[0] if args.config else SMALL).stem
        return [dict(model=model, **row) | circumstances(args, cfg) for row in rows]


def circumstances(args: argparse.Namespace, cfg: Config) -> dict:
    """What the figures depend on."""
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    return dict(
        level=args.level,
        batch=cfg.train_dataloader.batch_size,
        iterations=args.iterations,
        rounds=args.rounds,
        device_type=device,
        device=device_name(device),
        **versions(PACKAGES),
        eca_mm=eca_mm.__version__,
        commit=commit(),
    )
