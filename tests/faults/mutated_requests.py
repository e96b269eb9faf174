"""Configs with one or two faults: rejected with findings, or they train and evaluate.

The valid config is a small Faster or Mask R-CNN on a few composed images. Each try has
a seed of its own. A run that continues after a minute counts as one that works.
"""

import json
import logging
import random
import resource
import signal
import sys
import traceback
import warnings
from contextlib import redirect_stderr, redirect_stdout, suppress
from copy import deepcopy
from io import StringIO
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import DefaultScope
from mutated_coco import make_set, tries_side_by_side
from outcome import Outcome

import eca_mm  # noqa: F401  (registers backbones, plugins and hooks)
from eca_mm.engine import RequestError, RunStopped, refuse_problems, train

PROJECT = Path(__file__).parents[2] / 'projects/digits/configs'
SECONDS = 60  # for one run; a valid one takes two
MEMORY = 24 * 2**30  # bytes of address space, so that a huge model is an error
ODD = [
    None, True, False, 'x', '', '7', -1, 0, 1, 2, 1.5, 1e300, -1e9, 10**9, float('nan'),
    float('inf'), [], {}, [1, 2], ['a'], dict(type='SGD'), dict(a=1),
    dict(type='Nothing'),
]  # fmt: skip
KEYS = (
    'model', 'model', 'model', 'train_dataloader', 'train_dataloader', 'val_dataloader',
    'val_evaluator', 'val_evaluator', 'train_cfg', 'val_cfg', 'optim_wrapper',
    'optim_wrapper', 'param_scheduler', 'auto_scale_lr', 'default_hooks',
    'default_hooks', 'custom_hooks', 'visualizer', 'log_processor', 'randomness',
    'env_cfg', 'default_scope', 'custom_imports',
)  # fmt: skip
# Settings that people ask for, and what they write.
REQUESTS = {
    'model.backbone.kernel_sizes': [4, 'adaptiv', (3, 5), 3.0, (3, 4, 5, 7), 5],
    'model.backbone.type': ['EcaResNet', 'ResNet', 'ECAResnet', 'PluginResNet'],
    'model.backbone.depth': [19, '18', 50],
    'model.backbone.init_cfg': [
        dict(type='Pretrained', checkpoint='none.pth'), dict(type='Pretraind'), 'x.pth',
    ],
    'model.backbone.plugins': [
        [dict(cfg=dict(type='ECA'), position='after_conv2')],
        [dict(cfg=dict(type='ECA', postfix='_2'), position='after_conv2')],
        [dict(cfg=dict(type='SE'), position='after_conv3')],
    ],
    'model.neck.num_outs': [2, 6, '5'],
    'model.neck.in_channels': [[8, 16, 32], [8, 16, 32, 65], 8],
    'model.roi_head.bbox_head.num_classes': [3, 80, '2'],
    'train_dataloader.persistent_workers': [True],
    'train_dataloader.num_workers': [-1, '2', 1],
    'train_dataloader.sampler.type': [
        'DefaultSampler', 'DefualtSampler', 'RandomSampler',
    ],
    'train_dataloader.batch_sampler': [dict(type='AspectRatioBatchSampler'), 'x'],
    'train_dataloader.dataset.ann_file': ['none.json', '', 3],
    'train_dataloader.dataset.data_prefix.img': ['none/', 3],
    'optim_wrapper.type': ['AmpOptimWrapper', 'OptimWraper', 'Adam'],
    'optim_wrapper.optimizer.type': ['SGD', 'Adamw', 'Lion'],
    'optim_wrapper.optimizer.lr': [-1, '0.1', 1.0, 1e30, 0],
    'optim_wrapper.clip_grad': [dict(max_norm='x'), dict(norm=1), 35, dict(max_norm=1)],
    'visualizer.vis_backends': [
        [dict(type='TensorboardVisBackend')], [dict(type='WandbVisBackend')], 'Local',
        [dict(type='LocalVisBackend'), dict(type='LocalVisBackend')],
    ],
    'val_evaluator.iou_thrs': [[0.5], 0.5, '0.5', [50], []],
    'val_evaluator.metric': ['mAP', 'segm', 'box', ['bbox', 'segm'], ('bbox',), []],
    'val_evaluator.metric_items': [['mAP_50'], 'mAP', ['AP'], []],
    'val_evaluator.proposal_nums': [(300,), (1, 10, 100), 100, (100, 300, 1000), ()],
    'val_evaluator.backend': ['coco', 'pycocotools', 'faster-coco-eval', 3],
    'val_evaluator.format_only': [True],
    'val_evaluator.classwise': [True],
    'val_evaluator.prefix': ['a', 3],
    'default_hooks.checkpoint.save_best': ['auto', 'bbox_mAP', 'coco/bbox_mAP', 'acc'],
    'default_hooks.checkpoint.interval': [0, '1', 10**6, 0.5],
    'train_cfg.max_epochs': [0, -1, '3', 1.5, None],
    'train_cfg.val_interval': [0, 5, '1'],
    'train_cfg.type': ['EpochBasedTrainLoop', 'EpochTrainLoop', 'IterBasedTrainLoop'],
    'param_scheduler': [
        [dict(type='MultiStepLR', milestones=[1, 'a'])], [dict(type='MultiStep')],
        dict(type='LinearLR', start_factor=2), [dict(type='LinearLR', end=-1)],
        [dict(type='OneCycleLR', eta_max=0.1, total_steps=3, by_epoch=False)], 'cosine',
        [dict(type='CosineAnnealingLR', T_max=0)], None, [],
    ],
    'custom_hooks': [
        [dict(type='EMAHook')], [dict(type='EMAHook', momentum=2)],
        [dict(type='EarlyStoppingHook', monitor='coco/bbox_mAP')],
        [dict(type='EarlyStoppingHok', monitor='a')],
        [dict(type='EarlyStoppingHook', monitor='no')], dict(type='EMAHook'),
    ],
}  # fmt: skip


def valid(folder: Path, masks: bool) -> dict:
    """A config that trains for an epoch and evaluates, in about two seconds."""
    rng = random.Random(0)
    for split in ('train', 'val'):
        (folder / split).mkdir(parents=True)
        coco = make_set(folder / split, rng)
        (folder / f'{split}.json').write_text(json.dumps(coco))
    name = 'eca_mask_rcnn_r18.py' if masks else 'eca_faster_rcnn_r18.py'
    cfg = Config.fromfile(PROJECT / name).to_dict()
    model = cfg['model']
    model['backbone']['base_channels'] = 8
    model['neck'].update(in_channels=[8, 16, 32, 64], out_channels=16)
    model['rpn_head'].update(in_channels=16, feat_channels=16)
    heads = model['roi_head']
    heads['bbox_roi_extractor']['out_channels'] = 16
    heads['bbox_head'].update(in_channels=16, fc_out_channels=32, num_classes=2)
    if masks:
        heads['mask_roi_extractor']['out_channels'] = 16
        heads['mask_head'].update(in_channels=16, conv_out_channels=16, num_classes=2)
    for split in ('train', 'val'):
        loader = cfg[f'{split}_dataloader']
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
        loader['dataset'].update(
            data_root=str(folder), ann_file=f'{split}.json',
            data_prefix=dict(img=split), metainfo=dict(classes=('cat', 'dog')),
        )  # fmt: skip
    cfg['val_evaluator']['ann_file'] = str(folder / 'val.json')
    for key in ('test_dataloader', 'test_cfg', 'test_evaluator'):
        cfg[key] = None
    cfg['train_cfg'].update(max_epochs=1, val_interval=1)
    cfg['param_scheduler'] = [dict(type='LinearLR', start_factor=0.1, end=1)]
    cfg['custom_hooks'] = [dict(type='LoadReportHook')]
    cfg.update(work_dir=str(folder / 'work'), log_level='ERROR', launcher='none')
    return cfg


def spot(cfg: dict, rng: random.Random) -> tuple:
    """A container in the config and a key of it, at any depth."""
    node, key = cfg, rng.choice(KEYS)
    while isinstance(node[key], (dict, list)) and node[key] and rng.random() < 0.8:
        node = node[key]
        key = rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
    return node, key


def drop(cfg: dict, rng: random.Random) -> None:
    node, key = spot(cfg, rng)
    del node[key]


def replace(cfg: dict, rng: random.Random) -> None:
    node, key = spot(cfg, rng)
    node[key] = deepcopy(rng.choice(ODD))


def scale(cfg: dict, rng: random.Random) -> None:
    for _ in range(20):
        node, key = spot(cfg, rng)
        if type(node[key]) in (int, float):
            node[key] *= rng.choice((-1, 0, 0.5, 3, 1000))
            return


def as_other_type(cfg: dict, rng: random.Random) -> None:
    node, key = spot(cfg, rng)
    node[key] = rng.choice(
        (str, lambda v: [v], lambda v: dict(type=v), lambda v: (v, v))
    )(node[key])


def misspell(cfg: dict, rng: random.Random) -> None:
    """A letter of a name, or of a key, is lost or doubled."""
    for _ in range(20):
        node, key = spot(cfg, rng)
        name = key if rng.random() < 0.5 else node[key]
        if isinstance(name, str) and len(name) > 3:
            at = rng.randrange(len(name))
            wrong = name[:at] + rng.choice(('', name[at] * 2, 'q')) + name[at + 1 :]
            if name is key:
                node[wrong] = node.pop(key)
            else:
                node[key] = wrong
            return


def unknown_argument(cfg: dict, rng: random.Random) -> None:
    node, key = spot(cfg, rng)
    if isinstance(node[key], dict):
        node[key][rng.choice(('typ', 'foo', 'depht', 'learning_rate'))] = 1


def request(cfg: dict, rng: random.Random) -> None:
    path = rng.choice(list(REQUESTS))
    *parents, key = path.split('.')
    node = cfg
    for name in parents:
        node = node[name]
    node[key] = deepcopy(rng.choice(REQUESTS[path]))


MUTATIONS = (
    drop, replace, replace, scale, as_other_type, misspell, unknown_argument, request,
    request, request,
)  # fmt: skip


def mutated(seed: int, folder: Path) -> Config:
    rng = random.Random(seed)
    cfg = valid(folder, masks=bool(seed % 2))
    for _ in range(rng.choice((1, 1, 1, 2))):
        # What one would change may be gone already.
        with suppress(AttributeError, LookupError, TypeError, ValueError):
            rng.choice(MUTATIONS)(cfg, rng)
    path = folder / 'request.py'
    path.touch()  # mmengine reads it; the settings are those above
    return Config(cfg, filename=str(path))


class StillRunning(BaseException):
    """The run is well under way."""


def still_running(*_) -> None:
    raise StillRunning


def attempt(seed: int, folder: Path, runs: bool = True) -> str:
    """'rejected', 'ran', 'stopped' in one line, 'accepted', or the traceback of a try.

    Args:
        runs: Train what the check does not reject; else it is 'accepted'.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        cfg = mutated(seed, folder)
    except Exception:
        return 'rejected'  # as read_config does: no config at all
    said = f'seed {seed}\n'
    try:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            refuse_problems(cfg, ('train', 'val'))
    except RequestError:
        return 'rejected'
    except Exception:
        return f'{said}check: {traceback.format_exc()}'
    return run_of(cfg, said) if runs else 'accepted'


def run_of(cfg: Config, said: str) -> str:
    signal.signal(signal.SIGALRM, still_running)
    signal.alarm(SECONDS)
    try:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            train(cfg)
        return 'ran'
    except StillRunning:
        return 'ran'
    except (RequestError, RunStopped):
        return 'stopped'
    except BaseException:
        return f'{said}run: {traceback.format_exc()}'
    finally:
        signal.alarm(0)
        logging.disable(logging.NOTSET)
        DefaultScope._instance_dict.clear()


def main() -> None:
    """Tries of the seeds FIRST to LAST - 1 in FOLDER, one JSON line each."""
    first, last, folder = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter('ignore')
    for seed in range(int(first), int(last)):
        print(json.dumps(attempt(seed, Path(folder) / str(seed))), flush=True)


def run(tries: int, folder: Path, jobs: int = 2, first: int = 0) -> Outcome:
    """Try the seeds from ``first`` on; what was lost is in ``folder/lost.txt``."""
    outcomes = tries_side_by_side(tries, folder, jobs, first, __file__)
    good = ('rejected', 'ran', 'stopped')
    lost = [outcome for outcome in outcomes if outcome not in good]
    (folder / 'lost.txt').write_text('\n'.join(lost))
    counts = ', '.join(f'{outcomes.count(kind)} {kind}' for kind in good)
    return Outcome('mutated request', tries, tries - len(lost), len(lost), counts)


if __name__ == '__main__':
    main()
