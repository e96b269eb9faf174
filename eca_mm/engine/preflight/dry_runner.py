"""mmengine's Runner, reduced to the methods that build its parts."""

import inspect
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

from mmdet.evaluation import CocoMetric
from mmdet.registry import METRICS
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.logging import MMLogger
from mmengine.registry import DATA_SAMPLERS, MODEL_WRAPPERS
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

from .config_parts import as_list
from .names import look_up
from .schedule import processes
from .stand_in import StandIn, built

# The package that each of mmengine's visualiser backends writes with.
WRITERS = {
    'TensorboardVisBackend': 'tensorboard',
    'WandbVisBackend': 'wandb',
    'MLflowVisBackend': 'mlflow',
    'ClearMLVisBackend': 'clearml',
    'NeptuneVisBackend': 'neptune',
    'DVCLiveVisBackend': 'dvclive',
    'AimVisBackend': 'aim',
}


class DryRunner(Runner):
    """A runner whose parts are built one by one by the host's own methods.

    It has no work dir, log file, process group or active hooks, and its data sets
    contain a few images. It builds from copies, since hosts write into their configs.

    Args:
        cfg: The whole config; not changed.
        model: Of this config.
        folder: For whatever a part writes.
        stand_ins: By annotation file.
    """

    def __init__(
        self,
        cfg: Config,
        model: nn.Module,
        folder: Path,
        stand_ins: dict[Path, StandIn],
    ) -> None:
        # The host's makes folders, log files and process groups.
        self.cfg = deepcopy(cfg)
        self.model = model
        self.folder, self.stand_ins = folder, stand_ins
        self._work_dir = self._log_dir = str(folder)
        self._experiment_name = self._timestamp = f'preflight_{uuid4().hex}'
        self._rank, self._world_size, self._distributed = 0, processes(), False
        self._seed, self._randomness_cfg = 0, {}
        self._hooks = []
        self.logger = MMLogger.get_current_instance()
        self.auto_scale_lr = self.cfg.get('auto_scale_lr')
        self.optim_wrapper = self.cfg.get('optim_wrapper')
        self.param_schedulers = self.cfg.get('param_scheduler')
        self.visualizer = nn.Identity()  # takes the attributes that loops give it
        for split in ('train', 'val', 'test'):
            setattr(self, f'_{split}_dataloader', self.cfg.get(f'{split}_dataloader'))
            setattr(self, f'_{split}_loop', self.cfg.get(f'{split}_cfg'))
            setattr(self, f'_{split}_evaluator', None)
        self.sampled: set[int] = set()  # ids of the data loaders that give real images

    def build_dataloader(self, dataloader: dict, seed=None, diff_rank_seed=False):
        """Like the host's, on a few images; without images no sampler is built."""
        if isinstance(dataloader, DataLoader):
            return dataloader
        settings = dict(deepcopy(dataloader))  # no ConfigDict: it copies what it gets
        dataset, sampled = built(settings['dataset'], self.stand_ins, self.folder)
        settings['dataset'] = dataset
        if not sampled:
            for key in ('sampler', 'batch_sampler'):
                kind = (settings.get(key) or {}).get('type')
                look_up(DATA_SAMPLERS, kind)
            settings['sampler'] = dict(type='DefaultSampler')
            settings.pop('batch_sampler', None)
        loader = Runner.build_dataloader(settings, seed, diff_rank_seed)
        if sampled:
            self.sampled.add(id(loader))
        return loader

    def try_visualizer(self) -> None:
        """Build the visualiser, and see whether its backends can write.

        Raises:
            ImportError: The package of a backend is not installed.
        """
        settings = deepcopy(self.cfg.get('visualizer'))
        self.visualizer = self.build_visualizer(settings)
        for backend in self.visualizer._vis_backends.values():
            package = WRITERS.get(type(backend).__name__)
            if package and find_spec(package) is None:
                raise ImportError(
                    f'{type(backend).__name__} needs {package}, which is not '
                    f'installed: run "python -m pip install {package}"'
                )

    def try_wrapper(self) -> None:
        """Check the wrapper for several ranks without wrapping the model.

        Raises:
            KeyError: It is not registered.
            TypeError, ValueError: It does not take its arguments.
        """
        settings = dict(self.cfg.get('model_wrapper_cfg') or {})
        kind = settings.pop('type', 'MMDistributedDataParallel')
        found = look_up(MODEL_WRAPPERS, kind)
        inspect.signature(found).bind_partial(**settings)
        if self.cfg.get('launcher', 'none') != 'none' and get_device() == 'cpu':
            for module in self.model.modules():
                if isinstance(module, nn.SyncBatchNorm):
                    raise ValueError(
                        'synchronised batch norms (SyncBN) need GPUs: set '
                        "norm_cfg.type='BN' to train on CPU"
                    )

    def dry_evaluator(self, evaluator: dict | list) -> dict | list:
        """An evaluator's config whose COCO metrics read and write in our folder."""
        settings = deepcopy(evaluator)
        inner = settings.get('metrics') if isinstance(settings, dict) else settings
        for metric in as_list(settings if inner is None else inner):
            if not isinstance(metric, dict) or not is_coco(metric.get('type')):
                continue
            path = metric.get('ann_file')
            if isinstance(path, str):
                small = self.stand_ins.get(Path(path))
                metric['ann_file'] = str(small.write(self.folder)) if small else None
            if isinstance(metric.get('outfile_prefix'), str):
                metric['outfile_prefix'] = str(self.folder / 'results')
        return settings


def is_coco(kind) -> bool:
    """Whether a metric is mmdet's CocoMetric or made of it."""
    kind = METRICS.get(kind) if isinstance(kind, str) else kind
    return isinstance(kind, type) and issubclass(kind, CocoMetric)
