"""What is exported, run in torch beside mmdet: all rules, and sizes in one batch."""

import pytest
import torch
from mmdet.models.dense_heads import RetinaHead
from mmdet.structures import DetDataSample
from small_detectors import CONFIGS, build
from torch import nn

from eca_mm.deploy.detector import WholeDetector, plain_copy
from eca_mm.deploy.operators import nms
from eca_mm.errors import RequestError
from eca_mm.runtime.onnx_detector import Detector

SIZES = ((96, 128), (72, 101))  # height, width
SCALES = ((1.25, 1.25), (0.8, 0.81))


def smooth(height: int, width: int) -> torch.Tensor:
    """(3, H, W) uint8 in RGB."""
    coarse = torch.rand(1, 3, height // 6, width // 6) * 255
    return nn.functional.interpolate(coarse, (height, width))[0].byte()


def by_mmdet(detector: nn.Module, images: list[torch.Tensor]) -> list:
    samples = [
        DetDataSample(
            metainfo=dict(
                img_shape=tuple(image.shape[1:]),
                ori_shape=tuple(
                    round(side / scale)
                    for side, scale in zip(image.shape[1:], scales[::-1], strict=True)
                ),
                scale_factor=scales,
            )
        )
        for image, scales in zip(images, SCALES, strict=True)
    ]
    data = dict(inputs=[i.flip(0) for i in images], data_samples=samples)
    with torch.no_grad():
        return [found.pred_instances for found in detector.test_step(data)]


def by_tensors(whole: WholeDetector, images: list[torch.Tensor], thr: float) -> tuple:
    pixels = torch.full((2, 3, 96, 128), 255, dtype=torch.uint8)
    for place, image in zip(pixels, images, strict=True):
        place[:, : image.shape[1], : image.shape[2]] = image
    sizes, scales = torch.tensor(SIZES).float(), torch.tensor(SCALES)
    with torch.no_grad():
        return whole(pixels, sizes, scales, torch.tensor([thr]))


@pytest.mark.parametrize('name', CONFIGS)
def test_equals_mmdet(name):
    detector = build(name)
    whole = WholeDetector(plain_copy(detector)).train(False)
    images = [smooth(*size) for size in SIZES]
    thr = float(whole.heads.cfg.score_thr)
    image, boxes, scores, labels, *masks = by_tensors(whole, images, thr)
    for number, wanted in enumerate(by_mmdet(detector, images)):
        own = image == number
        assert len(wanted) == own.sum() > 10 and len(labels[own].unique()) > 1
        torch.testing.assert_close(boxes[own], wanted.bboxes, atol=1e-3, rtol=0)
        torch.testing.assert_close(scores[own], wanted.scores, atol=1e-5, rtol=0)
        assert (labels[own] == wanted.labels).all()
        if masks:
            rule = dict(threshold=0.5, whole_pixels=name.endswith('v1'))
            told = Detector.__new__(Detector)
            told.info = dict(masks=rule)
            shape = wanted.masks.shape[1:]
            found = told.pasted(masks[0][own].numpy(), boxes[own].numpy(), shape)
            share = wanted.masks.float().mean()
            assert 0.01 < share < 0.9
            assert (found != wanted.masks.numpy()).mean() < 1e-4
    middle = float(scores.median())
    few = by_tensors(whole, images, middle)
    assert len(few[0]) < len(image) and (few[2] > middle).all()


def test_the_rules_matter():
    """1.x's detector by today's rules is another one: the comparison can fail."""
    detector = build('faster_v1')
    whole = WholeDetector(plain_copy(detector)).train(False)
    images = [smooth(*size) for size in SIZES]
    right = by_tensors(whole, images, 0.05)
    whole.heads.boxes.decode.last_pixel = False
    wrong = by_tensors(whole, images, 0.05)
    assert len(right[0]) != len(wrong[0]) or (right[1] - wrong[1]).abs().max() > 0.1


def test_suppression_of_a_batch():
    """By hand: the second box covers the first by 0.6, the third none."""
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 6], [20, 0, 30, 10]])
    scores = torch.tensor([[0.9, 0.8, 0.7], [0.5, 0.6, -1]])
    found = nms(boxes.expand(2, 3, 4).contiguous(), scores, 0.5, 9)
    assert found.tolist() == [[0, 0], [0, 2], [1, 1]]
    found = nms(boxes.expand(2, 3, 4).contiguous(), scores, 0.7, 2)
    assert found.tolist() == [[0, 0], [0, 1], [1, 1], [1, 0]]


def layer_of(detector: nn.Module) -> nn.Module:
    return detector.roi_head.bbox_roi_extractor.roi_layers[0]


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda d: setattr(d.rpn_head.test_cfg.nms, 'type', 'soft_nms'), 'soft_nms'),
        (lambda d: setattr(d.rpn_head, '__class__', RetinaHead), 'RetinaHead is not'),
        (lambda d: setattr(d, '__class__', nn.Module), 'Module is not exported whole'),
        (lambda d: setattr(layer_of(d), 'pool_mode', 'max'), 'other than RoIAlign'),
        (lambda d: d.rpn_head.test_cfg.update(max_per_img=0), '=0 of RPNHead is not'),
        (lambda d: d.roi_head.test_cfg.update(max_per_img=-1), '=-1 of .*BBoxHead'),
    ],
)
def test_others_are_refused_by_name(change, said):
    detector = build('faster')
    change(detector)
    with pytest.raises(RequestError, match=said):
        WholeDetector(detector)
