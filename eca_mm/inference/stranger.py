"""The config in a checkpoint: a stranger's, so nothing of it is called by name.

To parse a config as data is not enough. What mmengine builds from it, it looks up
in a registry by its ``type``, and imports and calls any dotted name not found there;
MMCV evaluates the ``type`` of an NMS as Python. So only registered names pass, and only
what inference uses is kept.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from unittest.mock import patch

import mmcv.ops
from mmengine.config import Config
from mmengine.registry import registry as lookup
from torch import nn

from eca_mm.config_dump import parse_dump

# Libraries whose registries are searched; others are not imported.
SCOPES = {'mmengine', 'mmcv', 'mmdet', 'eca_mm', 'mmpretrain', 'mmcls', 'mmseg'}
SCOPES |= {'mmdet3d', 'mmrotate', 'mmyolo', 'mmpose', 'mmselfsup', 'mmtrack', 'mmocr'}
# They are registered elsewhere.
HOMES = {'mmcv': 'mmengine', 'eca_mm': 'mmdet'}
# Functions by the names that MMCV evaluates as Python, and words that necks compare.
WORDS = {'nms', 'soft_nms', 'nms_match', 'nms_rotated', 'nms_quadri', 'fast_nms'}
WORDS |= {'dilation', 'offset', 'interpolation_conv'}
# Weights to begin with, which the checkpoint replaces, and ways to fetch images.
DROPPED = {'init_cfg', 'pretrained', 'backend_args', 'file_client_args'}
# They read configs, weights or words from other files, or fetch them.
REFUSED_KEYS = {'teacher_config', 'teacher_ckpt', 'checkpoint', 'checkpoint_path'}
REFUSED_KEYS |= {'checkpoint_file', 'lang_model_name', 'tokenizer_name', '_base_'}
REFUSED_TYPES = {'BertModel', 'Albu', 'HuggingFace', 'AFLinkModel'}
TEXT = re.compile(r'[\w .,+*?-]*')  # neither a path, an address nor a call


class StrangeConfig(ValueError):
    """A config asks for what is not to be run: one line."""


def usable_config(text: str) -> Config:
    """The model, test pipeline, class names and metric of a dumped config.

    Raises:
        ConfigDumpError: It is more than values.
        StrangeConfig: It names what is not registered, or lacks something.
    """
    found = parse_dump(text)
    scope = checked_scope(found.get('default_scope') or 'mmdet')
    dataset = inner(mapping(found.get('test_dataloader')).get('dataset'))
    metric = found.get('test_evaluator') or {}
    metric = metric[0] if isinstance(metric, (list, tuple)) and metric else metric
    pipeline = dataset.get('pipeline')
    kept = dict(
        default_scope=scope,
        model=clean(mapping(found.get('model')), scope, ('MODELS', 'TASK_UTILS')),
        test_dataloader=dict(
            dataset=dict(
                **clean(only(dataset, 'type', '_scope_'), scope, ('DATASETS',)),
                metainfo=names(dataset.get('metainfo')),
                pipeline=clean(pipeline, scope, ('TRANSFORMS',)),
            )
        ),
        test_evaluator=clean(only(metric, 'type', '_scope_'), scope, ('METRICS',)),
    )
    return Config(kept)


def inner(dataset: object) -> dict:
    """A data set without those that wrap it."""
    dataset = mapping(dataset)
    while 'dataset' in dataset:
        dataset = mapping(dataset['dataset'])
    return dataset


def mapping(value: object) -> dict:
    if not isinstance(value, dict):
        raise StrangeConfig('it has no model and test_dataloader.dataset')
    return value


def only(value: object, *keys: str) -> dict:
    whole = mapping(value)
    return {key: whole[key] for key in keys if key in whole}


def names(metainfo: object) -> dict:
    """``metainfo`` without texts, which mmengine takes for files to read."""
    if not isinstance(metainfo, dict):
        return {}
    return {key: v for key, v in metainfo.items() if isinstance(v, (list, tuple))}


def clean(value: object, scope: str, kinds: tuple[str, ...]) -> object:
    """A value in which only registered names can be built.

    Args:
        scope: In which names without one are looked up.
        kinds: Names of the registries that may be asked.

    Raises:
        StrangeConfig: There is another.
    """
    if isinstance(value, (list, tuple)):
        return type(value)(clean(part, scope, kinds) for part in value)
    if isinstance(value, str):
        if not TEXT.fullmatch(value):
            raise StrangeConfig(f'it has the text {value[:60]!r}')
        return value
    if not isinstance(value, dict):
        return value
    scope = checked_scope(value.get('_scope_') or scope)
    kept = {}
    for key, part in value.items():
        if key in DROPPED:
            continue
        if key in REFUSED_KEYS and part is not None:
            raise StrangeConfig(f'it sets {key}')
        is_type = key == 'type' and isinstance(part, str)
        kept[key] = (known if is_type else clean)(part, scope, kinds)
    return kept


def known(name: str, scope: str, kinds: tuple[str, ...]) -> str:
    """A name that is registered, or that stands for itself."""
    library, _, rest = name.partition('.')
    *_, last = name.split('.')
    if not rest:
        library = scope
    elif library not in SCOPES:
        raise StrangeConfig(f'it builds {name[:60]!r}, of no known library')
    own = not rest and 'MODELS' in kinds and (name in WORDS or is_operator(name))
    if own or (is_registered(last, library, kinds) and last not in REFUSED_TYPES):
        # A path through modules, as configs in Python's own style have, is shortened.
        return f'{HOMES.get(library, library)}.{last}' if rest else name
    raise StrangeConfig(f'it builds {name[:60]!r}, which is not registered')


def checked_scope(scope: object) -> str:
    if scope not in SCOPES:
        raise StrangeConfig(f'its scope is {str(scope)[:60]!r}, of no known library')
    return scope


def is_operator(name: str) -> bool:
    """Whether it is a layer of MMCV that heads look up there, such as RoIAlign."""
    found = getattr(mmcv.ops, name, None)
    return isinstance(found, type) and issubclass(found, nn.Module)


def is_registered(name: str, library: str, kinds: tuple[str, ...]) -> bool:
    """Whether a library, or what it builds upon, registers a name."""
    try:
        module = import_module(f'{HOMES.get(library, library)}.registry')
    except Exception:  # not installed, or does not fit the rest
        return False
    for kind in kinds:
        registry = getattr(module, kind, None)
        while registry is not None:
            registry.import_from_location()
            if name in registry.module_dict:
                return True
            registry = registry.parent
    return False


@contextmanager
def nothing_imported() -> Iterator[None]:
    """No registry imports what it is asked for by a name that it does not have."""

    def known_only(name: str, *args):
        if name.partition('.')[0] not in SCOPES:
            raise ImportError(f'{name} is not imported for a checkpoint')
        return import_module(name, *args)

    with (
        patch.object(lookup, 'get_object_from_string', lambda name: None),
        patch.object(lookup, 'import_module', known_only),
    ):
        yield
