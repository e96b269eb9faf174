"""Check that a config's settings exist and have the right types."""

from collections.abc import Iterator
from math import nan
from numbers import Number, Real

from mmengine.config import Config
from mmengine.registry import MODELS

from eca_mm.findings import ERROR, Finding

from .config_parts import as_list, leaf_datasets, walk
from .names import did_you_mean

# What a value must be, in words, and the types that fit.
KINDS: dict[str, type | tuple[type, ...]] = {
    'a dict': dict,
    'a list or a dict': (list, tuple, dict),
    'a list': (list, tuple),
    'a string': str,
    'a number': Number,
    'a whole number': int,
    'True or False': bool,
}
OPTIONAL = {
    'train_dataloader': 'a dict',
    'val_dataloader': 'a dict',
    'test_dataloader': 'a dict',
    'train_cfg': 'a dict',
    'val_cfg': 'a dict',
    'test_cfg': 'a dict',
    'val_evaluator': 'a list or a dict',
    'test_evaluator': 'a list or a dict',
    'optim_wrapper': 'a dict',
    'param_scheduler': 'a list or a dict',
    'auto_scale_lr': 'a dict',
    'default_hooks': 'a dict',
    'custom_hooks': 'a list',
    'visualizer': 'a dict',
    'log_processor': 'a dict',
    'randomness': 'a dict',
    'env_cfg': 'a dict',
    'model_wrapper_cfg': 'a dict',
    'custom_imports': 'a dict',
    'load_from': 'a string',
    'resume': 'True or False',
    'launcher': 'a string',
    'default_scope': 'a string',
    'experiment_name': 'a string',
    'work_dir': 'a string',
}
INNER = {
    'optim_wrapper.optimizer': 'a dict',
    'optim_wrapper.optimizer.lr': 'a number',
    'optim_wrapper.accumulative_counts': 'a number',
    'auto_scale_lr.base_batch_size': 'a number',
    'auto_scale_lr.enable': 'True or False',
    'train_cfg.max_epochs': 'a number',
    'train_cfg.max_iters': 'a number',
    'train_cfg.val_interval': 'a number',
    'train_cfg.val_begin': 'a number',
    'randomness.seed': 'a whole number',
    'log_processor.window_size': 'a number',
    'env_cfg.mp_cfg': 'a dict',
    'env_cfg.dist_cfg': 'a dict',
    'model.backbone': 'a dict',
}
DATASET = {
    'type': None,
    'data_root': 'a string',
    'ann_file': 'a string',
    'data_prefix': 'a dict',
    'metainfo': 'a dict',
    'filter_cfg': 'a dict',
    'filter_cfg.min_size': 'a number',
    'pipeline': 'a list',
    'test_mode': 'True or False',
    'backend_args': 'a dict',
    'data_prefix.img': 'a string',
}
POSITIVE = (
    'auto_scale_lr.base_batch_size',
    'optim_wrapper.accumulative_counts',
    'train_cfg.val_interval',
)


def shape_findings(cfg: Config) -> Iterator[Finding]:
    """Settings of the wrong kind, and data sets and metrics without a type."""
    settings = cfg._cfg_dict
    yield from kind_findings(settings, {'model': 'a dict', **OPTIONAL, **INNER})
    if not isinstance(settings.get('model'), dict):
        if settings.get('model') is None:
            near = did_you_mean('model', [k for k in settings if k != 'model'])
            yield Finding(
                ERROR, 'config', 'model', 'there is no model', near or 'give one'
            )
        return
    yield from absent_findings(settings)
    for path, node in walk(settings):
        if isinstance(node.get('type'), (list, dict)):
            what = f'{path}.type is {node["type"]!r:.80}, not a name'
            yield Finding(ERROR, path.partition('.')[0], '', what, 'give the name')
    for path in POSITIVE:
        value = at(settings, path)
        if isinstance(value, Number) and not is_positive_integer(value):
            what = f'{path} is {value!r}, not a whole number above 0'
            yield Finding(ERROR, 'config', path.partition('.')[0], what, 'correct it')
    for split in ('train', 'val', 'test'):
        yield from split_findings(settings, split)
    for key in ('default_hooks', 'custom_hooks'):
        yield from hook_findings(settings, key)


def absent_findings(settings: dict) -> Iterator[Finding]:
    """Settings that may be left out but not be None, and a seed too large for numpy."""
    for key in ('env_cfg', 'randomness', 'default_scope'):
        if key in settings and settings[key] is None:
            yield Finding(ERROR, 'config', key, f'{key} is None', f'leave {key} out')
    seed = at(settings, 'randomness.seed')
    if isinstance(seed, int) and not 0 <= seed < 2**32:  # as numpy needs it
        what = f'randomness.seed is {seed}, not between 0 and 2^32 - 1'
        yield Finding(ERROR, 'randomness', '', what, 'correct it')


def scope_findings(cfg: Config) -> Iterator[Finding]:
    """A Runner without a scope looks in mmengine's own registry alone."""
    kind = cfg.model.get('type')
    is_found = not isinstance(kind, str) or '.' in kind or kind in MODELS.module_dict
    if 'default_scope' not in cfg and not is_found:
        what = f'there is no default_scope, without which {kind} is not found'
        remedy = "set default_scope='mmdet'"
        yield Finding(ERROR, 'config', 'default_scope', what, remedy)


def split_findings(settings: dict, split: str) -> Iterator[Finding]:
    """Data loader and evaluator of a split."""
    key = f'{split}_dataloader'
    loader = settings.get(key)
    if isinstance(loader, dict):
        dataset = loader.get('dataset')
        if not isinstance(dataset, dict):
            what = f'{key}.dataset is {dataset!r}, not a dict'
            yield Finding(ERROR, key, '', what, 'give a dict with type')
        else:
            yield from dataset_findings(dataset, key)
        if loader.get('sampler') is None:
            remedy = "give one, such as dict(type='DefaultSampler', shuffle=True)"
            yield Finding(ERROR, key, '', 'there is no sampler', remedy)
        for name in ('batch_size', 'num_workers'):
            number, low = loader.get(name, 1), int(name == 'batch_size')
            if not isinstance(number, int) or isinstance(number, bool) or number < low:
                what = f'{key}.{name} is {number!r}, not a whole number from {low} up'
                yield Finding(ERROR, key, '', what, 'correct it')
    key = f'{split}_evaluator'
    metrics = settings.get(key) or []
    for metric in as_list(metrics):
        if isinstance(metric, dict) and not metric.keys() & {'type', 'metrics'}:
            near = "give type, such as 'FastCocoMetric'"
            yield Finding(ERROR, key, '', 'a metric has no type', near)
        elif not isinstance(metric, dict):
            yield Finding(
                ERROR, key, '', f'{metric!r} is not a metric', 'give dicts with type'
            )
        elif not isinstance(metric.get('ann_file') or '', str):
            what = f'ann_file is {metric["ann_file"]!r}, not a string'
            yield Finding(ERROR, key, '', what, 'correct it')


def dataset_findings(dataset: dict, key: str) -> Iterator[Finding]:
    try:
        leaves = list(leaf_datasets(dataset))
    except (AttributeError, TypeError):
        yield Finding(ERROR, key, '', 'dataset contains no data set', 'give dicts')
        return
    for leaf in leaves:
        if not isinstance(leaf, dict) or not leaf.get('type'):
            yield Finding(ERROR, key, '', 'a data set has no type', 'give its type')
        else:
            yield from kind_findings(leaf, DATASET, f'{key}.dataset.')
            for step in leaf.get('pipeline') or ():
                if not isinstance(step, dict) or 'type' not in step:
                    what = f'a step of the pipeline is {step!r:.80}'
                    yield Finding(ERROR, key, '', what, 'give a dict with type')


def hook_findings(settings: dict, key: str) -> Iterator[Finding]:
    hooks = settings.get(key) or ()
    if isinstance(hooks, dict):
        hooks = [hook for hook in hooks.values() if hook is not None]
    for hook in hooks if isinstance(hooks, (list, tuple)) else ():
        if not isinstance(hook, dict) or 'type' not in hook:
            yield Finding(
                ERROR, key, '', f'{hook!r:.80} is not a hook', 'give a dict with type'
            )


def kind_findings(settings: dict, kinds: dict, prefix: str = '') -> Iterator[Finding]:
    for path, kind in kinds.items():
        value = at(settings, path)
        if value is None or kind is None or is_kind(value, kind):
            continue
        what = f'{prefix}{path} is {value!r:.80}, not {kind}'
        yield Finding(
            ERROR, 'config', (prefix + path).partition('.')[0], what, 'correct it'
        )


def is_positive_integer(value: Number) -> bool:
    """False for infinity and NaN, too, of which ``int`` makes an error."""
    number = float(value) if isinstance(value, Real) else nan
    return number >= 1 and number.is_integer()


def is_kind(value, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == 'True or False'
    return isinstance(value, KINDS[kind])


def at(settings: dict, path: str):
    """The value at a dotted path, None where there is none."""
    value: object = settings
    for key in path.split('.'):
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value
