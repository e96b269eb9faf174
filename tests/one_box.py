"""A training sample of 64x64 with one object, of the second class."""

import torch
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData


def sample_with_one_box(with_mask: bool) -> DetDataSample:
    mask = torch.zeros(1, 64, 64, dtype=torch.uint8)
    mask[:, 8:40, 16:56] = 1
    sample = DetDataSample(metainfo=dict(img_shape=(64, 64), scale_factor=(1.0, 1.0)))
    sample.gt_instances = InstanceData(
        bboxes=torch.tensor([[16.0, 8, 56, 40]]), labels=torch.tensor([1])
    )
    if with_mask:
        sample.gt_instances.masks = BitmapMasks(mask.numpy(), 64, 64)
    return sample
