"""What a config of configs/anywhere is built into, beside the plain model."""

from copy import deepcopy
from pathlib import Path

import torch
from mmengine.config import Config
from one_box import sample_with_one_box
from torch import Tensor, nn

from eca_mm.checkpoints.load_report import load_report
from eca_mm.engine.runner import build_model

FOLDER = Path(__file__).parents[1] / 'configs' / 'anywhere'


def read(name: str, **options) -> Config:
    """The config without initial weights, which would be downloaded."""
    cfg = Config.fromfile(FOLDER / f'{name}.py')
    cfg.model.backbone.init_cfg = None
    cfg.merge_from_dict(options)
    return cfg


def without(cfg: Config) -> Config:
    """The config of the plain model: its base's, as far as the wrapper goes."""
    cfg = deepcopy(cfg)
    for part in (cfg.model.backbone, cfg.model.neck):
        if part.type == 'WithAttention':
            part.type = part.pop('module')['type']
            del part['attention'], part['at']
    return cfg


def added(cfg: Config, device: str = 'meta') -> dict[str, int]:
    """Parameters that the attention adds, by name; all others keep their names."""
    ours, plain = (build_model(c, device).state_dict() for c in (cfg, without(cfg)))
    assert plain.keys() <= ours.keys()
    return {name: ours[name].numel() for name in ours if name not in plain}


def pair(cfg: Config) -> tuple[nn.Module, nn.Module]:
    """The model, loaded from the plain one's weights with a clean report, and that."""
    ours, plain = build_model(cfg), build_model(without(cfg))
    ours.init_weights()
    state = plain.state_dict()
    report = load_report(ours, state)
    assert report.missing == report.identity_attention
    assert not (report.unexpected or report.mismatched or report.random_attention)
    ours.load_state_dict(state, strict=False)
    return ours, plain


def train_step(model: nn.Module) -> float:
    """Loss and gradients on two images with a box each; returns the loss."""
    torch.manual_seed(0)
    model.train()
    data = dict(
        inputs=[*torch.randint(0, 255, (2, 3, 64, 64), dtype=torch.uint8)],
        data_samples=[sample_with_one_box(model.with_mask) for _ in '12'],
    )
    model.data_preprocessor.batch_augments = None  # random sizes, larger than ours
    data = model.data_preprocessor(data, training=True)
    total, _ = model.parse_losses(model(**data, mode='loss'))
    total.backward()
    return total.item()


class Features(nn.Module):
    """Backbone and neck, for the export."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.backbone, self.neck = model.backbone, model.neck

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.neck(self.backbone(image)))


def exported(model: nn.Module, image: Tensor) -> tuple[list, list]:
    """Feature maps of the exported program and of the model, in eval mode.

    Each ECA has drawn taps, without which it could be left out.
    """
    for name, parameter in model.named_parameters():
        if '.eca.' in name:
            parameter.data.uniform_(-1, 1)
    features = Features(model)
    features.eval()
    with torch.no_grad():
        program = torch.export.export(features, (image,), strict=False)
        return list(program.module()(image)), list(features(image))
