"""Images a second of Table 3's classifiers, beside the paper's."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from mmdet.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from eca_mm.paper import load_table

from .cost import measure
from .paper_columns import classifier
from .workload import Settings, Workload

SIZE = (224, 224)
CLASSES = 1000
BASELINE = 'none'
# Our row: the paper's method, and whether block ends are fused.
ROWS = {
    BASELINE: ('ResNet', False),
    'SE': ('SENet', False),
    'CBAM': ('CBAM', False),
    'naive ECA': ('ECA-Net', False),
    'ours': ('ECA-Net', True),
}
COLUMNS = {'inference': 'infer_fps', 'training step': 'train_fps'}


def rows_of(backbone: str) -> dict[str, tuple[str, bool]]:
    if backbone == 'MobileNetV2':
        return ROWS | {BASELINE: ('MobileNetV2', False)}
    return ROWS


class Classifier(nn.Module):
    """A backbone, global average pooling and a linear layer: (N, 3, H, W) -> (N, K)."""

    def __init__(self, backbone: nn.Module, channels: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.fc = nn.Linear(channels, CLASSES)

    def forward(self, image: Tensor) -> Tensor:
        # (N, C, H, W) -> (N, C)
        return self.fc(self.backbone(image)[-1].mean((2, 3)))


def classifier_workload(backbone: str, row: str, settings: Settings) -> Workload:
    """A training step as on ImageNet: nothing frozen, norms in training mode, SGD."""
    torch.manual_seed(0)
    channels = 1280 if backbone == 'MobileNetV2' else 2048
    model = Classifier(MODELS.build(config_of(backbone, row)), channels)
    model = settings.place(model)
    labels = torch.arange(settings.batch, device=settings.device) % CLASSES
    optimizer = torch.optim.SGD(model.parameters(), 0.1, 0.9, weight_decay=1e-4)

    def loss(logits: Tensor) -> Tensor:
        return F.cross_entropy(logits, labels)

    return Workload(model, [settings.image()], settings, loss, optimizer)


def config_of(backbone: str, row: str) -> dict:
    """Config of a row's backbone, which trains as on ImageNet."""
    method, fused = rows_of(backbone)[row]
    config = dict(classifier(backbone, method), norm_eval=False, frozen_stages=-1)
    if method != 'MobileNetV2':  # the host's, which has no such argument
        config['fused_tail'] = fused
    if backbone == 'MobileNetV2':
        return dict(config, out_indices=(7,))
    # mmdet's default would begin with residual branches of zero.
    return dict(config, out_indices=(3,), zero_init_residual=False)


def measure_backbone(
    backbone: str, rounds: int, settings: Settings, tick: Callable[[], None]
) -> Iterator[dict]:
    """A row for each of Table 3's methods that is built here, and each step.

    Values are images a second, ratios those to the plain network's (above 1 is faster),
    ``paper`` and ``paper_ratio`` the paper's, None where it has none.
    """
    settings = replace(settings, size=SIZE)
    workloads = {
        row: classifier_workload(backbone, row, settings) for row in rows_of(backbone)
    }
    for found in measure(workloads, BASELINE, rounds, settings, tick):
        if found['measure'] in COLUMNS:
            row = in_images(found, settings.batch) | paper(backbone, **found)
            yield dict(model=backbone, **row)


def in_images(found: dict, batch: int) -> dict:
    """A row of times in ms as one of images a second."""
    lower, upper = found['upper_quartile'], found['lower_quartile']
    return dict(
        found,
        unit='images/s',
        value=round(1e3 * batch / found['value'], 2),
        ratio=round(1 / found['ratio'], 4),
        lower_quartile=round(1 / lower, 4),
        upper_quartile=round(1 / upper, 4),
    )


def paper(backbone: str, provider: str, measure: str, **other) -> dict:
    """The paper's images a second of a row, and their ratio to its plain network's."""
    column = COLUMNS[measure]
    speeds = {
        row['method']: row[column]
        for row in load_table(3)
        if row['backbone'] == backbone
    }
    methods = rows_of(backbone)
    speed = speeds.get(methods[provider][0])
    plain = speeds[methods[BASELINE][0]]
    ratio = None if speed is None else round(speed / plain, 4)
    return dict(paper=speed, paper_ratio=ratio)
