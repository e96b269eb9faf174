"""Synthetic 1.x files: names and shapes written down from mmdet 1.0, not from 3.x."""

import math
from pathlib import Path

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config

from eca_mm.checkpoints import mmdet_v1
from eca_mm.checkpoints.convert import convert
from eca_mm.checkpoints.safe import CheckpointError

CONFIGS = Path(__file__).parents[2] / 'projects/legacy_v1/configs'
# The authors' six files
KERNEL_SIZES = {
    ('faster_rcnn', 50): (5, 5, 5, 5),
    ('faster_rcnn', 101): (3, 3, 5, 7),
    ('mask_rcnn', 50): (3, 3, 7, 7),
    ('mask_rcnn', 101): (3, 3, 5, 7),
    ('retinanet', 50): (3, 3, 7, 7),
    ('retinanet', 101): (3, 3, 5, 7),
}


def v1_shapes(detector: str, depth: int) -> dict[str, tuple[int, ...]]:
    """Shape of each tensor of a 1.x checkpoint for COCO: 80 classes and background."""
    layers = backbone_layers(depth, KERNEL_SIZES[detector, depth])
    if detector == 'retinanet':
        layers |= {
            f'neck.lateral_convs.{i}.conv': (256, 512 * 2**i, 1, 1) for i in range(3)
        }
        inputs = (256, 256, 256, 2048, 256)  # P6 is made from C5, P7 from P6
        for branch in ('cls', 'reg'):
            for i in range(4):
                layers[f'bbox_head.{branch}_convs.{i}.conv'] = (256, 256, 3, 3)
        layers['bbox_head.retina_cls'] = (9 * 80, 256, 3, 3)
        layers['bbox_head.retina_reg'] = (9 * 4, 256, 3, 3)
    else:
        layers |= {
            f'neck.lateral_convs.{i}.conv': (256, 256 * 2**i, 1, 1) for i in range(4)
        }
        inputs = (256,) * 4
        layers |= {
            'rpn_head.rpn_conv': (256, 256, 3, 3),
            'rpn_head.rpn_cls': (3, 256, 1, 1),
            'rpn_head.rpn_reg': (12, 256, 1, 1),
            'bbox_head.fc_cls': (81, 1024),
            'bbox_head.fc_reg': (81 * 4, 1024),
            'bbox_head.shared_fcs.0': (1024, 256 * 7 * 7),
            'bbox_head.shared_fcs.1': (1024, 1024),
        }
    for i, channels in enumerate(inputs):
        layers[f'neck.fpn_convs.{i}.conv'] = (256, channels, 3, 3)
    if detector == 'mask_rcnn':
        for i in range(4):
            layers[f'mask_head.convs.{i}.conv'] = (256, 256, 3, 3)
        layers['mask_head.upsample'] = (256, 256, 2, 2)
        layers['mask_head.conv_logits'] = (81, 256, 1, 1)
    return tensors_of(layers)


def backbone_layers(depth: int, kernel_sizes: tuple[int, ...]) -> dict[str, tuple]:
    layers = {'backbone.conv1': (64, 3, 7, 7), 'backbone.bn1': (64,)}
    before = 64
    blocks = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}[depth]
    for stage, (count, k) in enumerate(zip(blocks, kernel_sizes, strict=True)):
        width = 64 * 2**stage
        for i in range(count):
            name = f'backbone.layer{stage + 1}.{i}'
            layers |= {
                f'{name}.conv1': (width, before, 1, 1),
                f'{name}.conv2': (width, width, 3, 3),
                f'{name}.conv3': (4 * width, width, 1, 1),
                f'{name}.eca.conv': (1, 1, k),
            }
            layers |= {f'{name}.bn{j}': ((1, 1, 4)[j - 1] * width,) for j in (1, 2, 3)}
            if i == 0:
                layers[f'{name}.downsample.0'] = (4 * width, before, 1, 1)
                layers[f'{name}.downsample.1'] = (4 * width,)
            before = 4 * width
    return layers


def tensors_of(layers: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Norms have one dimension; of the convolutions only the backbone's lack a bias."""
    tensors = {}
    for name, shape in layers.items():
        tensors[f'{name}.weight'] = shape
        if len(shape) == 1 or not name.startswith('backbone.'):
            outputs = shape[1] if name.endswith('upsample') else shape[0]
            tensors[f'{name}.bias'] = (outputs,)
        if len(shape) == 1:
            tensors |= {f'{name}.running_{what}': shape for what in ('mean', 'var')}
            tensors[f'{name}.num_batches_tracked'] = ()
    return tensors


def v1_state(detector: str, depth: int = 50) -> dict[str, torch.Tensor]:
    """Every row of every tensor has a value of its own, and takes little memory."""
    state, start = {}, 0
    for key, shape in v1_shapes(detector, depth).items():
        rows = [*shape[:1], *[1] * (len(shape) - 1)]  # [] for a single number
        values = torch.arange(start, start + math.prod(rows), dtype=torch.float64)
        state[key] = values.view(rows).expand(shape)
        start += len(values)
    return state


@pytest.mark.parametrize(('detector', 'depth'), KERNEL_SIZES)
def test_each_class_keeps_its_rows(detector, depth):
    """And the result is the whole model of the legacy config, nothing more or less."""
    v1 = v1_state(detector, depth)
    new, meta = mmdet_v1.convert(v1)
    assert meta['detector'] == detector
    assert meta['backbone']['kernel_sizes'] == KERNEL_SIZES[detector, depth]

    background_moves = ('bbox_head.fc_cls', 'bbox_head.fc_reg', 'mask_head.conv_logits')
    below_roi_head = detector != 'retinanet'
    for key, tensor in v1.items():
        moves = below_roi_head and key.startswith(('bbox_head.', 'mask_head.'))
        if not (below_roi_head and key.startswith(background_moves)):
            assert torch.equal(new[f'roi_head.{key}' if moves else key], tensor), key
    for kind in ('weight', 'bias') if below_roi_head else ():
        scores = new[f'roi_head.bbox_head.fc_cls.{kind}']
        boxes = new[f'roi_head.bbox_head.fc_reg.{kind}']
        assert len(scores) == 81 and len(boxes) == 320
        for c in range(80):
            assert torch.equal(scores[c], v1[f'bbox_head.fc_cls.{kind}'][c + 1])
            expected = v1[f'bbox_head.fc_reg.{kind}'][4 * (c + 1) : 4 * (c + 2)]
            assert torch.equal(boxes[4 * c : 4 * (c + 1)], expected)
        assert torch.equal(scores[80], v1[f'bbox_head.fc_cls.{kind}'][0])
        if detector == 'mask_rcnn':
            masks = new[f'roi_head.mask_head.conv_logits.{kind}']
            assert len(masks) == 80
            for c in range(80):
                expected = v1[f'mask_head.conv_logits.{kind}'][c + 1]
                assert torch.equal(masks[c], expected)

    cfg = Config.fromfile(CONFIGS / f'eca_{detector}_r{depth}_v1.py')
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
    model.load_state_dict(new, strict=True, assign=True)


def test_a_file_as_mmdet_wrote_it(tmp_path):
    path = tmp_path / 'epoch_12.pth'
    meta = dict(mmdet_version='1.0rc1+unknown', epoch=12, CLASSES=('person', 'bicycle'))
    torch.save(dict(meta=meta, state_dict=v1_state('faster_rcnn'), optimizer={}), path)
    converted = convert(path)
    assert converted.meta['layout'] == 'mmdet-v1'
    assert converted.meta['kernel_sizes'] == [5, 5, 5, 5]
    assert converted.meta['num_classes'] == 80
    assert 'roi_head.bbox_head.fc_cls.weight' in converted.state_dict


def test_layers_that_all_classes_share_pass():
    v1 = v1_state('mask_rcnn')
    for key in ('bbox_head.fc_reg', 'mask_head.conv_logits'):
        rows = dict(fc_reg=4, conv_logits=1)[key.rpartition('.')[2]]
        for kind in ('weight', 'bias'):
            v1[f'{key}.{kind}'] = v1[f'{key}.{kind}'][:rows]
    new, _ = mmdet_v1.convert(v1)
    assert len(new['roi_head.bbox_head.fc_cls.weight']) == 81
    assert len(new['roi_head.bbox_head.fc_reg.bias']) == 4
    assert len(new['roi_head.mask_head.conv_logits.weight']) == 1


def test_refuses_by_name_what_does_not_fit():
    v1 = v1_state('faster_rcnn')
    new, _ = mmdet_v1.convert(v1)
    cascade = {key.replace('bbox_head.', 'bbox_head.0.'): v for key, v in v1.items()}
    scoring = v1_state('mask_rcnn') | {'mask_iou_head.fcs.0.weight': torch.zeros(1, 1)}
    later = v1 | {'bbox_head.fc_reg.bias': torch.zeros(320)}
    basic = {key: v for key, v in v1.items() if '.conv3.' not in key}
    for state, reason in (
        (new, r'2\.x or 3\.x and needs no conversion'),
        (cascade, r'are known; this one has bbox_head\.0\.fc_cls\.weight'),
        (scoring, r'are known; this one has mask_iou_head\.fcs\.0\.weight'),
        (later, r'fc_reg\.bias has 320 rows, in MMDetection 1\.x it would be 324'),
        (basic, 'ECAResNet of this kind'),
    ):
        assert mmdet_v1.matches(state)
        with pytest.raises(CheckpointError, match=reason):
            mmdet_v1.convert(state)


def test_a_backbone_alone_is_another_layout():
    assert not mmdet_v1.matches({'layer1.0.eca.conv.weight': torch.zeros(1, 1, 3)})
