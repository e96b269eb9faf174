"""The workloads of each level: the end of a block, a backbone, a detector."""

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from mmcv.cnn import build_plugin_layer
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.testing import demo_mm_inputs
from mmengine.config import Config
from torch import Tensor, nn

from eca_mm.backbones.channels import input_channels
from eca_mm.backbones.fold import fold_norms

from .block_tail import STAGES, tail_workload
from .providers import COMPILED, backbone_config, find, folds, plugin
from .workload import Settings, Workload

OBJECTS = 7  # in an image, as COCO has on average


def by_level(
    level: str, names: Sequence[str], settings: Settings, configs: Sequence[Config]
) -> Iterator[tuple[str, dict[str, Workload]]]:
    """Name of a model, and its workloads by provider, one model after another.

    Args:
        level: 'layer', 'backbone' or 'detector'.
        names: Of providers, or of several configs.
        configs: Of detectors: one that takes each provider, or as many as names.
    """
    if level == 'layer':
        for stage in STAGES:
            torch.compiler.reset()  # stages share code, too
            ends = {name: end(name, stage, settings) for name in names}
            yield f'end of {stage}', ends
    elif level == 'backbone':
        model = f'ResNet-{settings.depth}'
        yield model, {name: backbone(name, settings) for name in names}
    elif len(configs) == 1:
        model = Path(configs[0].filename).stem
        yield model, {name: detector(configs[0], settings, name) for name in names}
    else:
        pairs = zip(names, configs, strict=True)
        yield 'detector', {name: detector(cfg, settings) for name, cfg in pairs}


def end(name: str, stage: str, settings: Settings) -> Workload:
    provider = find(name)

    def attention(channels: int) -> nn.Module | None:
        if provider.attention is None:
            return None
        return build_plugin_layer(plugin(provider), in_channels=channels)[1]

    torch.manual_seed(0)
    workload = tail_workload(stage, settings, attention, provider.fused)
    return compiled(name, workload, workload.model)


def backbone(name: str, settings: Settings) -> Workload:
    """A backbone with random weights."""
    host = dict(
        depth=settings.depth,
        frozen_stages=settings.frozen_stages,
        norm_eval=settings.norms == 'eval',
    )
    torch.manual_seed(0)
    model = folded(name, settings.place(MODELS.build(backbone_config(name, host))))
    workload = Workload(model, [settings.image()], settings)
    return compiled(name, workload, model)


def folded(name: str, model: nn.Module) -> nn.Module:
    """The model, its norms folded in place if the provider says so."""
    if folds(name):
        model.eval()
        fold_norms(model)
    return model


def compiled(name: str, workload: Workload, module: nn.Module) -> Workload:
    """The workload, with ``module`` under torch.compile if the provider says so."""
    if name.endswith(COMPILED):
        # Providers share the code of their blocks, and beyond 8 versions of a function
        # torch would run it uncompiled, with a warning.
        torch._dynamo.config.recompile_limit = 64
        module.compile(dynamic=False)
    return workload


class DetectorWorkload(Workload):
    """A detector on images and objects drawn at random.

    A training step goes from images on the device to gradients, with the assignment of
    targets and all losses; inference to boxes (and masks) in the image, with NMS.
    """

    def predict(self) -> object:
        images, _, samples = self.inputs
        return self.model(images, samples, mode='predict')

    def forward(self) -> Tensor:
        images, samples, _ = self.inputs
        with self.settings.autocast():
            losses = self.model(images, samples, mode='loss')
        return self.model.parse_losses(losses)[0]


def detector(cfg: Config, settings: Settings, name: str = '') -> Workload:
    """A detector with random weights.

    Args:
        cfg: Its config.
        name: Provider of the backbone's attention; if empty, as the config has it.

    Raises:
        ValueError: The backbone takes no other attention.
    """
    cfg = cfg.model.copy()
    cfg.backbone = dict(cfg.backbone, init_cfg=None)
    if name:
        cfg.backbone = backbone_config(name, cfg.backbone)
    torch.manual_seed(0)
    model = folded(name, settings.place(MODELS.build(cfg)))
    workload = DetectorWorkload(model, detector_inputs(model, settings), settings)
    return compiled(name, workload, model.backbone)


def detector_inputs(
    model: nn.Module, settings: Settings
) -> tuple[Tensor, list[DetDataSample], list[DetDataSample]]:
    """Images (N, C, H, W) and their objects, as the detector's preprocessor gives them.

    Twice the same objects: predictions are written into the second list, and the losses
    would copy them.
    """
    width, height = settings.size
    data = demo_mm_inputs(
        settings.batch,
        (input_channels(model.backbone), height, width),
        [OBJECTS] * settings.batch,
        with_mask=getattr(model, 'with_mask', False),
        device=settings.device,
    )
    data = model.data_preprocessor(data, training=True)
    classes = max(getattr(m, 'num_classes', 1) for m in model.modules())
    for sample in data['data_samples']:
        sample.gt_instances.labels.clamp_(max=classes - 1)
    samples = data['data_samples']
    return settings.place(data['inputs']), samples, copy.deepcopy(samples)
