"""One step of a model on images of 64 pixels, or on real ones if that fails."""

from collections.abc import Iterator
from copy import deepcopy

import numpy as np
import torch
from mmdet.evaluation import CocoMetric
from mmdet.structures.bbox import BaseBoxes
from mmdet.structures.mask import BitmapMasks, PolygonMasks
from mmengine.dataset import pseudo_collate
from mmengine.device import get_device
from mmengine.evaluator import BaseMetric
from mmengine.optim import OptimWrapper
from torch import nn

SIDE = 64  # pixels of the small images: two levels of a pyramid are left with one each
BOX = (16.0, 8, 56, 40)  # the object in it: x1, y1, x2, y2


class TrialFailed(Exception):
    """A step could not be tried, which says nothing about the run."""


class SmallBatch:
    """Samples of a data set, complete or reduced to a noisy image with one object.

    Args:
        model: The model that takes them.
        samples: As the pipeline gives them.
        training: Take a step of training, and not a prediction.
    """

    def __init__(self, model: nn.Module, samples: list[dict], training: bool) -> None:
        self.model, self.samples, self.training = model, samples, training

    def whole(self) -> dict:
        return pseudo_collate(deepcopy(self.samples))

    def small(self) -> dict:
        return pseudo_collate([shrunk(sample) for sample in self.samples])

    def step(self, batch: dict, wrapper: OptimWrapper | None):
        """A step of the host's loops: losses and an update, or predictions."""
        model = self.model.train(self.training)
        if not self.training:
            with torch.no_grad():
                return model.test_step(batch)
        # Of the other wrappers some need the device of the run.
        if type(wrapper) is OptimWrapper:
            return model.train_step(batch, wrapper)
        batch = model.data_preprocessor(batch, True)
        losses = model(**batch, mode='loss')
        return model.parse_losses(losses)


def agreed_step(batch: SmallBatch, wrapper: OptimWrapper | None):
    """Take a step on small images, and if that fails, on the real ones.

    A model may reject an image of 64 pixels for good reasons, and a made-up object may
    lack what the model needs: only a failure on real images counts.

    Raises:
        TrialFailed: There is not enough memory to try, or random weights do not work.
        Exception: Whatever the model raises on real images, on the device of the run.
    """
    try:
        return batch.step(batch.small(), wrapper)
    except Exception as error:
        small = error
    device = get_device()
    try:
        if device != 'cpu':
            batch.model.to(device)
        return batch.step(batch.whole(), None)
    except (MemoryError, torch.cuda.OutOfMemoryError) as error:
        raise TrialFailed from error
    except Exception as error:
        if 'INTERNAL ASSERT' in str(error):  # an operator of random weights' boxes
            raise TrialFailed from error
        raise error from small
    finally:
        batch.model.to('cpu')


def shrunk(sample: dict) -> dict:
    """A packed sample with a noisy image of 64 pixels and at most one object."""
    sample = deepcopy(sample)
    inputs, found = sample['inputs'], sample['data_samples']
    noise = torch.randint(0, 255, (len(inputs), SIDE, SIDE), dtype=torch.uint8)
    sample['inputs'] = noise.to(inputs.dtype)
    known = dict(
        ori_shape=(SIDE, SIDE), img_shape=(SIDE, SIDE), pad_shape=(SIDE, SIDE),
        batch_input_shape=(SIDE, SIDE), scale_factor=(1.0, 1.0), flip=False,
    )  # fmt: skip
    keys = set(found.metainfo_keys())
    found.set_metainfo({key: known[key] for key in keys & known.keys()})
    for name in ('gt_instances', 'ignored_instances'):
        if name in found:
            objects = getattr(found, name)
            setattr(found, name, one_object(objects[: int(name == 'gt_instances')]))
    return sample


def one_object(objects):
    """Instances, of which there is one or none, moved to where the small image is."""
    for key, value in objects.items():
        if isinstance(value, (BitmapMasks, PolygonMasks)):
            masks = np.zeros((len(objects), SIDE, SIDE), np.uint8)
            x1, y1, x2, y2 = map(int, BOX)
            masks[:, y1:y2, x1:x2] = 1
            objects.set_field(BitmapMasks(masks, SIDE, SIDE), key)
        elif key == 'bboxes':
            boxes = torch.tensor([BOX] * len(objects)).reshape(-1, 4)
            kind = type(value) if isinstance(value, BaseBoxes) else torch.as_tensor
            objects.set_field(kind(boxes), key)
    return objects


def made_up_results(
    metrics: list[BaseMetric], samples: list[dict], masks: bool
) -> Iterator[tuple[CocoMetric, list[dict]]]:
    """Pair each COCO metric with made-up detections, one for each image.

    Args:
        samples: As the pipeline gives them.
        masks: Whether the model predicts masks.
    """
    for metric in metrics:
        if isinstance(metric, CocoMetric):
            yield (
                metric,
                [
                    detection(one_view(sample['data_samples']), masks)
                    for sample in samples
                ],
            )


def one_view(found):
    """The first of the views that test-time augmentation gives of an image."""
    return found[0] if isinstance(found, list) else found


def detection(found, masks: bool) -> dict:
    """What a model's prediction looks like to a metric, with one made-up object."""
    height, width = found.metainfo['ori_shape'][:2]
    predicted = dict(
        bboxes=torch.tensor([[0.0, 0, width / 2, height / 2]]),
        scores=torch.tensor([0.9]),
        labels=torch.tensor([0]),
    )
    if masks:
        predicted['masks'] = torch.zeros(1, height, width, dtype=torch.bool)
        predicted['masks'][:, : height // 2, : width // 2] = True
    return dict(found.metainfo, pred_instances=predicted)
