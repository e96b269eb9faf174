"""Find parts of a runner, however the run is built."""

from collections.abc import Iterator

from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner
from torch import nn


def bare(model: nn.Module) -> nn.Module:
    """The model without its wrapper for several ranks."""
    return model.module if is_model_wrapper(model) else model


def optim_wrappers(runner: Runner) -> list[OptimWrapper]:
    wrapper = runner.optim_wrapper
    if isinstance(wrapper, OptimWrapperDict):
        return list(wrapper.values())
    return [wrapper]


def param_schedulers(runner: Runner) -> list:
    """All parameter schedulers, those of several optimisers one after the other."""
    schedulers = runner.param_schedulers or []
    if isinstance(schedulers, dict):
        return [scheduler for of_one in schedulers.values() for scheduler in of_one]
    return list(schedulers)


def train_sampler(runner: Runner):
    """The sampler that decides the order: the loader's or that of its batch sampler."""
    loader = runner.train_loop.dataloader
    if hasattr(loader.sampler, 'seed'):
        return loader.sampler
    return getattr(loader.batch_sampler, 'sampler', None)


def pipelines(dataset) -> Iterator[list]:
    """The steps of a data set, or of those in RepeatDataset, ConcatDataset and such."""
    steps = getattr(getattr(dataset, 'pipeline', None), 'transforms', None)
    if steps is not None:
        yield steps
        return
    for inner in getattr(dataset, 'datasets', [getattr(dataset, 'dataset', None)]):
        if inner is not None:
            yield from pipelines(inner)
