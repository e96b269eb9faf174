"""One config twice: as our commands train it, and as MMDetection's own train.py does.

The second has MMDetection's hooks and metrics in place of ours, and imports nothing of
this package unless the model or the data are of it.
"""

import json
from copy import deepcopy
from pathlib import Path

import cv2
import mmdet.registry
import mmengine.registry
import numpy as np
from mmengine.config import Config
from mmengine.registry import Registry

from eca_mm.engine.preflight.config_parts import as_list, walk

PROBE = 'engine_probe'  # the module's name where both runs find it
# What stands in MMDetection where ours does, without the arguments it does not have.
OF_THE_HOST = {
    'SafeCheckpointHook': ('CheckpointHook', ('keep_going_on_save_error',)),
    'FastCocoMetric': ('CocoMetric', ('backend',)),
}
SIDE, IMAGES, OBJECTS = 64, 64, 4  # of the made-up data: pixels, images, objects each


def short(cfg: Config, iterations: int) -> Config:
    """A copy that trains so many iterations, then validates and saves once."""
    cfg = deepcopy(cfg)
    cfg.train_cfg = dict(
        type='IterBasedTrainLoop', max_iters=iterations, val_interval=iterations
    )
    cfg.param_scheduler = [
        dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=iterations)
    ]
    # No pass through the data ends: mmengine's loop would sleep for 2 s then.
    cfg.train_dataloader.pop('batch_sampler', None)
    cfg.train_dataloader.sampler = dict(type='InfiniteSampler', shuffle=True)
    hooks = cfg.setdefault('default_hooks', {})
    hooks.checkpoint = dict(
        hooks.get('checkpoint') or dict(type='CheckpointHook'),
        by_epoch=False, interval=iterations,
    )  # fmt: skip
    cfg.log_processor = dict(cfg.get('log_processor') or {}, by_epoch=False)
    cfg.randomness = dict(seed=0)
    return cfg


def with_probe(cfg: Config, out: Path) -> Config:
    """A copy whose run writes what it spends to ``out``."""
    cfg = deepcopy(cfg)
    imports = dict(cfg.get('custom_imports') or dict(imports=[]))
    names = as_list(imports['imports'])
    cfg.custom_imports = dict(imports, imports=[*names, PROBE])
    probe = dict(type='mmengine.EngineProbe', out=str(out))
    cfg.custom_hooks = [*(cfg.get('custom_hooks') or []), probe]
    return cfg


def as_of_the_host(cfg: Config) -> Config:
    """A copy with MMDetection's hooks and metrics where ours are."""
    cfg = deepcopy(cfg)
    ours = names_of_ours()
    for name, hook in list(cfg.default_hooks.items()):
        if hook and hook.get('type') in ours:
            cfg.default_hooks[name] = of_the_host(hook)
            if cfg.default_hooks[name] is None:  # which mmengine takes for its own only
                del cfg.default_hooks[name]
    hooks = cfg.get('custom_hooks') or []
    cfg.custom_hooks = [hook for hook in hooks if hook['type'] not in ours]
    for key in ('val_evaluator', 'test_evaluator'):
        metrics = as_list(cfg.get(key) or [])
        cfg[key] = [of_the_host(m) if m['type'] in ours else m for m in metrics] or None
    if not any(part.get('type') in ours for _, part in walk(cfg.to_dict())):
        names = (cfg.get('custom_imports') or {}).get('imports', [])
        names = [name for name in as_list(names) if name.split('.')[0] != 'eca_mm']
        cfg.custom_imports = dict(imports=names) if names else None
    return cfg


def of_the_host(part: dict) -> dict | None:
    """What MMDetection has in its place; None if it has nothing."""
    name, unknown = OF_THE_HOST.get(part['type'], (None, ()))
    if name is None:
        return None
    return {k: v for k, v in part.items() if k not in unknown} | dict(type=name)


def names_of_ours() -> set[str]:
    """By which this package's parts are registered."""
    registries = [*vars(mmdet.registry).values(), *vars(mmengine.registry).values()]
    return {
        name
        for registry in registries
        if isinstance(registry, Registry)
        for name, kind in registry.module_dict.items()
        if kind.__module__.split('.')[0] == 'eca_mm'
    }


def make_data(folder: Path) -> None:
    """Write noisy images with random objects of 10 classes, as COCO's train and val."""
    draw = np.random.default_rng(0)
    (folder / 'annotations').mkdir(parents=True)
    for split in ('train', 'val'):
        (folder / split).mkdir()
        images: list[dict] = []
        annotations: list[dict] = []
        for number in range(IMAGES):
            name = f'{number:03d}.png'
            noise = draw.integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
            cv2.imwrite(str(folder / split / name), noise)
            images.append(dict(id=number, file_name=name, height=SIDE, width=SIDE))
            for x, y, side in draw.integers(8, SIDE // 2, (OBJECTS, 3)).tolist():
                annotations.append(
                    dict(
                        id=len(annotations) + 1, image_id=number, iscrowd=0,
                        category_id=int(draw.integers(1, 11)), area=side * side,
                        bbox=[x, y, side, side],
                    )
                )  # fmt: skip
        categories = [dict(id=i + 1, name=name) for i, name in enumerate(NAMES)]
        content = dict(images=images, annotations=annotations, categories=categories)
        path = folder / f'annotations/instances_{split}.json'
        path.write_text(json.dumps(content))


NAMES = (
    'zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine',
)  # fmt: skip
