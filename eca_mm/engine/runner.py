from mmdet.utils import setup_cache_size_limit_of_dynamo
from mmengine.config import Config
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from .distributed import prepare_ranks


def build_runner(cfg: Config) -> Runner:
    """Build the runner of a config as MMDetection's tools do, with or without GPUs."""
    setup_cache_size_limit_of_dynamo()
    prepare_ranks(cfg)
    return RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
