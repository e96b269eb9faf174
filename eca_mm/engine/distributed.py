"""Several processes with or without GPUs."""

import os

import torch
import torch.distributed
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import all_reduce, get_world_size
from mmengine.registry import MODEL_WRAPPERS
from torch.nn.parallel import DistributedDataParallel

from eca_mm.errors import RequestError


def agreed(number: int) -> int:
    """The largest of the numbers of all ranks; to be called on every rank."""
    if get_world_size() == 1:
        return number
    largest = torch.tensor(int(number), device=get_device())
    all_reduce(largest, op='max')
    return int(largest)


def prepare_ranks(cfg: Config) -> None:
    """Make the process group ready where mmengine cannot: ranks without a GPU.

    mmengine's ``init_dist`` always selects a CUDA device, and its default wrapper names
    one. So on the CPU the group is set up here and the wrapper gets no device; the
    config's other settings of the wrapper are kept.

    Raises:
        RequestError: More processes than GPUs, or a launcher that needs GPUs.
    """
    if cfg.launcher == 'none':
        return
    ranks_here = int(os.environ.get('LOCAL_WORLD_SIZE', 1))
    if torch.cuda.is_available() and ranks_here > torch.cuda.device_count():
        raise RequestError(
            f'{ranks_here} processes were asked for on a machine with '
            f'{torch.cuda.device_count()} GPU(s): lower GPUS'
        )
    if get_device() != 'cpu':
        return
    if cfg.launcher != 'pytorch':
        raise RequestError(
            f'--launcher {cfg.launcher} needs GPUs: use tools/dist_train.sh on CPU'
        )
    if not torch.distributed.is_initialized():  # by an earlier runner
        torch.distributed.init_process_group('gloo')
    cfg.env_cfg.dist_cfg.backend = 'gloo'
    cfg.model_wrapper_cfg = wrapper_without_device(cfg)


def wrapper_without_device(cfg: Config) -> dict:
    """The config's wrapper of the model, or mmengine's default one, made for CPUs.

    mmengine passes the rank's GPU to every wrapper of torch's DistributedDataParallel.
    """
    wrapper = cfg.get('model_wrapper_cfg')
    if wrapper is None:
        wrapper = dict(
            broadcast_buffers=False,
            find_unused_parameters=cfg.get('find_unused_parameters', False),
        )
    wrapper = dict(dict(type='MMDistributedDataParallel'), **wrapper)
    name = wrapper['type']
    kind = MODEL_WRAPPERS.get(name) if isinstance(name, str) else name
    if isinstance(kind, type) and issubclass(kind, DistributedDataParallel):
        wrapper['device_ids'] = None
    return wrapper
