from mmdet.registry import MODELS
from mmdet.utils import setup_cache_size_limit_of_dynamo
from mmengine.config import Config
from mmengine.registry import RUNNERS
from mmengine.runner import Runner
from torch import nn

from .distributed import prepare_ranks
from .request import RequestError


def build_runner(cfg: Config) -> Runner:
    """Build the runner of a config as MMDetection's tools do, with or without GPUs."""
    setup_cache_size_limit_of_dynamo()
    prepare_ranks(cfg)
    return RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)


def build_model(cfg: Config) -> nn.Module:
    """The model of a config, with random weights.

    Raises:
        RequestError: There is none, or it has no backbone.
    """
    try:
        model = MODELS.build(cfg.model)
    except Exception as error:  # a config is code: anything can be raised
        raise RequestError(
            f'config {cfg.filename}: {type(error).__name__}: {error}'
        ) from error
    if not hasattr(model, 'backbone'):
        raise RequestError(f'config {cfg.filename}: its model has no backbone')
    return model
