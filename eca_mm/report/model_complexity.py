"""Parameters and GFLOPs of a model, counted where it runs, at the size of its images.

The report takes them from results.json: to build a model from what was found in a work
dir would be to call whatever it names, mmengine finds ``os.system`` as a type, too.
"""

from copy import deepcopy

from mmdet.registry import MODELS
from mmengine.config import Config

from eca_mm.analysis.complexity import measure, parameters_of, with_background_rows
from eca_mm.paper import row_of

# mmdet's (1333, 800) is a limit; the paper, as mmdet's own tables, counts this.
COCO_SCALE, COCO_SIZE = (1333, 800), (1280, 800)


def complexity_of(cfg: Config) -> dict:
    """:func:`parameters_of` the model, ``gflops`` and the ``size`` [W, H] in pixels.

    Empty, or without ``gflops``, where the model cannot be built or counted: the report
    can do without.

    Args:
        cfg: The user's own config, not changed.
    """
    model = deepcopy(cfg.get('model'))
    try:
        model.backbone.init_cfg = None
        model = MODELS.build(model)
    except Exception:  # a config is code: anything can be raised
        return {}
    found = parameters_of(model)
    if row_of(cfg.to_dict()):  # as the paper counted
        model = with_background_rows(model)
    try:
        size = image_size(cfg)
        flops = measure(model, size, 'paper').flops
    except Exception:  # a kind of detector that the counter does not know
        return found
    return found | dict(gflops=flops / 1e9, size=list(size))


def image_size(cfg: Config) -> tuple[int, int]:
    """Width and height of the test images, pixels."""
    pipeline = (cfg.get('test_dataloader') or {}).get('dataset', {}).get('pipeline', [])
    kinds = ('Resize', 'V1Resize')
    scale = next((s['scale'] for s in pipeline if s.get('type') in kinds), None)
    return COCO_SIZE if scale in (None, COCO_SCALE) else tuple(scale)
