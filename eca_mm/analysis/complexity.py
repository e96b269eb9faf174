"""Parameters and GFLOPs of a detector or backbone, by two conventions."""

from dataclasses import dataclass

import torch
from mmcv.cnn import get_model_complexity_info
from mmengine.analysis import get_model_complexity_info as count_operators
from torch import Tensor, nn

from eca_mm.backbones.channels import input_channels

PROPOSALS = 1000  # rows of the box head
MASK_PROPOSALS = 100  # rows of the mask head


@dataclass
class Complexity:
    """Parameters as counts, ``flops`` with one multiply-add as 1."""

    parameters: int
    trainable: int
    flops: int


class DummyForward(nn.Module):
    """Run a model on an image without the data-dependent steps of a detector.

    As MMDetection 1.x's ``forward_dummy``, which the paper's counts come from: the
    heads see a fixed number of proposals, the mask head a tenth of them.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> list:
        """Image (1, C, H, W). The outputs are returned: a tracer drops what is not."""
        if not hasattr(self.model, 'extract_feat'):  # a backbone or a layer
            return [self.model(image)]
        features = self.model.extract_feat(image)
        if not hasattr(self.model, 'roi_head'):
            return [self.model.bbox_head(features)]
        # (rows, 5): image index and a box; RoIAlign is not counted, any box will do.
        boxes = torch.tensor([[0.0, 0, 0, 64, 64]]).repeat(PROPOSALS, 1)
        head = self.model.roi_head
        outputs = [self.model.rpn_head(features)]
        # Cascade R-CNN has a head for each stage, and their number as an argument.
        stages = range(getattr(head, 'num_stages', 0))
        for stage in [(i,) for i in stages] or [()]:
            found = head._bbox_forward(*stage, features, boxes)
            outputs += [found['cls_score'], found['bbox_pred']]
            if head.with_mask:
                found = head._mask_forward(*stage, features, boxes[:MASK_PROPOSALS])
                outputs.append(found['mask_preds'])
        return outputs


@torch.no_grad()
def measure(
    model: nn.Module, size: tuple[int, int] = (1280, 800), convention: str = 'host'
) -> Complexity:
    """Count a model's parameters, and its operations on one image.

    Args:
        model: A detector (two-stage or RetinaNet), a backbone or a layer.
        size: Width and height of the image, pixels.
        convention: 'paper' for mmcv's counter, which sees modules (poolings count
            their input, normalisations twice theirs), 'host' for mmengine's, which sees
            operators.
    """
    count = dict(paper=count_modules, host=count_traced)[convention]
    width, height = size
    # The counters leave attributes and eval mode behind: the caller's business.
    channels = input_channels(getattr(model, 'backbone', model))
    flops = count(DummyForward(model).eval(), (channels, height, width))
    return Complexity(
        parameters=sum(p.numel() for p in model.parameters()),
        trainable=sum(p.numel() for p in model.parameters() if p.requires_grad),
        flops=int(flops),
    )


def parameters_of(model: nn.Module) -> dict[str, float]:
    """``parameters`` and those that are ``trainable``, in 10^6."""
    counts = [p.numel() for p in model.parameters()]
    trainable = [p.numel() for p in model.parameters() if p.requires_grad]
    return dict(parameters=sum(counts) / 1e6, trainable=sum(trainable) / 1e6)


def with_background_rows(model: nn.Module) -> nn.Module:
    """Give the heads the rows for the background that they had in MMDetection 1.x.

    Its box and mask layers had one row a class and one for the background, though the
    latter was never used: 81 for COCO. Changes the model, whose heads then no longer
    fit its losses.
    """
    if not hasattr(model, 'roi_head'):
        return model
    for head in of_stages(model.roi_head.bbox_head):
        if not head.reg_class_agnostic:
            numbers = head.fc_reg.out_features // head.num_classes
            outputs = numbers * (head.num_classes + 1)
            head.fc_reg = nn.Linear(head.fc_reg.in_features, outputs)
    for head in of_stages(model.roi_head.mask_head) if model.roi_head.with_mask else ():
        logits = head.conv_logits
        head.conv_logits = nn.Conv2d(logits.in_channels, head.num_classes + 1, 1)
    return model


def of_stages(head: nn.Module) -> list[nn.Module]:
    """The heads of Cascade R-CNN's stages, or the one head."""
    return list(head) if isinstance(head, nn.ModuleList) else [head]


def count_modules(model: nn.Module, shape: tuple[int, int, int]) -> float:
    """FLOPs by mmcv's counter, transposed convolutions as MMDetection 1.x had them."""
    extra = []

    def upscale(module: nn.ConvTranspose2d, args: tuple, output: Tensor) -> None:
        # mmcv 2 multiplies by the positions of the input, mmcv 0.x by the output's.
        positions = output[0, 0].numel() - args[0][0, 0].numel()
        extra.append(len(args[0]) * module.weight.numel() * positions)

    handles = [
        module.register_forward_hook(upscale)
        for module in model.modules()
        if isinstance(module, nn.ConvTranspose2d)
    ]
    flops, _ = get_model_complexity_info(
        model, shape, print_per_layer_stat=False, as_strings=False
    )
    for handle in handles:
        handle.remove()
    return flops + sum(extra)


def count_traced(model: nn.Module, shape: tuple[int, int, int]) -> float:
    """FLOPs by mmengine's counter."""
    return count_operators(model, shape, show_table=False, show_arch=False)['flops']
