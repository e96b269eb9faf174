"""A DetInferencer from a checkpoint, whose config is read as data."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stdout
from io import StringIO

import torch
from mmdet.apis import DetInferencer
from mmdet.registry import DATASETS
from mmengine.config import Config

from eca_mm.checkpoints.content import read
from eca_mm.checkpoints.safe import CheckpointError
from eca_mm.config_dump import ConfigDumpError
from eca_mm.engine.arguments import read_config
from eca_mm.engine.preflight.config_parts import innermost
from eca_mm.engine.runner import blamed_on, in_scope
from eca_mm.engine.weights import load_weights
from eca_mm.errors import RequestError

from .class_names import check_classes, classes_in
from .stranger import StrangeConfig, nothing_imported, usable_config


def load_inferencer(
    checkpoint: str,
    config: str | None = None,
    device: str | None = None,
    options: dict | None = None,
) -> DetInferencer:
    """mmdet's inferencer with the weights of a checkpoint.

    Args:
        checkpoint: Of any name that mmengine knows.
        config: Path of its config; None for the one that the checkpoint holds.
        device: None for a GPU if there is one.
        options: Settings to change in ``config``.

    Raises:
        RequestError: It cannot be had, or does not fit.
    """
    place = check_device(device)
    try:
        content = read(checkpoint)
    except CheckpointError as error:
        raise RequestError(str(error)) from error
    meta = meta_of(content)
    cfg = read_config(config, options) if config else config_of(meta, checkpoint)
    blamed = nullcontext() if config else blame_config_of(checkpoint)
    with blamed:
        own = prepare(cfg, config or checkpoint)
        inferencer = build_inferencer(cfg, place)
    told = {**own, **classes_in(meta, checkpoint)}
    shown = inferencer.model.dataset_meta  # which the visualizer has, too
    shown['classes'] = check_classes(told.get('classes'), inferencer.model, checkpoint)
    shown['palette'] = own.get('palette') or told.get('palette') or 'random'
    load_weights(inferencer.model, checkpoint)  # or refuse them
    return inferencer


def build_inferencer(cfg: Config, device: str | None) -> DetInferencer:
    """One with random weights.

    Raises:
        RequestError: The config has no model, or it cannot be built.
    """
    scope = cfg.get('default_scope', 'mmdet')
    with blamed_on(cfg), redirect_stdout(StringIO()), warnings.catch_warnings():
        warnings.simplefilter('ignore')  # that it has no weights yet
        return DetInferencer(cfg, None, device, scope, show_progress=False)


def check_device(name: str | None) -> str | None:
    """Raise RequestError if there is no such device, or none that works things out."""
    if name is None:
        return None
    try:
        if torch.empty(1, device=name).is_meta:
            raise RuntimeError('it holds no values')
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise RequestError(f'--device {name} cannot be used: {reason}') from error
    return name


def meta_of(content: object) -> Mapping:
    """What a checkpoint says of itself."""
    meta = content.get('meta') if isinstance(content, Mapping) else None
    return meta if isinstance(meta, Mapping) else {}


def config_of(meta: Mapping, checkpoint: str) -> Config:
    """The config that a checkpoint holds; its text is parsed and never run.

    Raises:
        RequestError: It holds none, or one that is more than values, or names what is
            not to be run.
    """
    text = meta.get('cfg')
    if not isinstance(text, str):
        raise RequestError(f'{checkpoint} holds no config: give it with --config')
    try:
        return usable_config(text)
    except (ConfigDumpError, StrangeConfig, KeyError) as error:
        raise unusable(checkpoint, error) from error


@contextmanager
def blame_config_of(checkpoint: str) -> Iterator[None]:
    """Build from a checkpoint's config: no imports, and any error is the config's.

    Raises:
        RequestError: It cannot be built.
    """
    try:
        with nothing_imported():
            yield
    except Exception as error:  # of whatever is built
        raise unusable(checkpoint, error) from error


def unusable(checkpoint: str, error: Exception) -> RequestError:
    reason = ' '.join(str(error).removeprefix('config None: ').split())[:200]
    return RequestError(
        f'the config in {checkpoint} cannot be used '
        f'({reason or type(error).__name__}): give one by --config'
    )


def prepare(cfg: Config, name: str) -> dict:
    """Leave out what inference has no use for, and refuse what it cannot do without.

    Returns:
        Class names and palette of its test data, as far as it tells them.

    Raises:
        RequestError: There is no test pipeline that begins with an image.
    """
    dataset = innermost((cfg.get('test_dataloader') or {}).get('dataset') or {})
    steps = [*(dataset.get('pipeline') or [])]
    steps = [step for step in steps if 'LoadAnnotations' not in kind_of(step)]
    kinds = [kind_of(step) for step in steps]
    if 'LoadImageFromFile' not in kinds:
        raise RequestError(
            f'{name}: its config has no test pipeline that loads images: give another '
            'one with --config'
        )
    # The one name by which DetInferencer looks for it
    steps[kinds.index('LoadImageFromFile')]['type'] = 'LoadImageFromFile'
    own = metainfo_of(cfg, dataset)
    # DetInferencer builds one to ask it for its palette.
    cfg.test_dataloader.dataset = dict(
        type='mmdet.CocoDataset', metainfo=own, pipeline=steps
    )
    cfg.visualizer = dict(type='DetLocalVisualizer')  # nothing is sent anywhere
    return own


def kind_of(step: Mapping) -> str:
    """The last name of a transform: its type is a text, or a class in lazy configs."""
    kind = step['type']
    return getattr(kind, '__name__', str(kind)).rpartition('.')[2]


def metainfo_of(cfg: Config, dataset: Mapping) -> dict:
    """A data set's metainfo, for which it need not be built."""
    with in_scope(cfg), DATASETS.switch_scope_and_registry(None) as registry:
        kind = dataset.get('type', 'CocoDataset')
        kind = registry.get(kind) if isinstance(kind, str) else kind
    load = getattr(kind, '_load_metainfo', None)
    if load is None:
        return {}
    own = load({**(dataset.get('metainfo') or {})})
    return {key: own[key] for key in ('classes', 'palette') if own.get(key)}
