"""Parameters and GFLOPs of a run's model, at the size of its test images."""

from copy import deepcopy

from mmdet.registry import MODELS
from mmengine.config import Config

from eca_mm.analysis.complexity import measure, with_background_rows

from .runs import Run
from .scores import paper_row

# mmdet's (1333, 800) is a limit; the paper, as mmdet's own tables, counts this.
COCO_SCALE, COCO_SIZE = (1333, 800), (1280, 800)


def complexity_of(run: Run) -> dict:
    """``parameters`` and ``trainable`` in 10^6, ``gflops``, and the ``size`` (W, H).

    Empty, or without ``gflops``, where the model cannot be built or counted: the report
    can do without.
    """
    if run.config is None:
        return {}
    cfg = deepcopy(run.config.model)
    cfg.backbone.init_cfg = None
    try:
        model = MODELS.build(cfg)
    except Exception:  # a config is code: anything can be raised
        return {}
    counts = [p.numel() for p in model.parameters()]
    trainable = [p.numel() for p in model.parameters() if p.requires_grad]
    found = dict(parameters=sum(counts) / 1e6, trainable=sum(trainable) / 1e6)
    if paper_row(run):  # as the paper counted
        model = with_background_rows(model)
    size = image_size(run.config)
    try:
        flops = measure(model, size, 'paper').flops
    except Exception:  # a kind of detector that the counter does not know
        return found
    return found | dict(gflops=flops / 1e9, size=size)


def image_size(cfg: Config) -> tuple[int, int]:
    """Width and height of the test images, pixels."""
    pipeline = (cfg.get('test_dataloader') or {}).get('dataset', {}).get('pipeline', [])
    scale = next((s['scale'] for s in pipeline if s.get('type') == 'Resize'), None)
    return COCO_SIZE if scale in (None, COCO_SCALE) else tuple(scale)
