"""Everything that registers itself, which importing this module makes it do."""

from .host import check_host

check_host()  # before the imports below fail deep inside the host

from . import backbones, layers, mmdet_v1, registry  # noqa: E402, F401
from .checkpoints import convert, load_report, roads, safe, store  # noqa: E402, F401
from .engine import (  # noqa: E402, F401
    broken_images,
    checkpoint,
    exact_resume,
    fold_norms,
    loss_guard,
    stop,
)
from .engine import load_report as load_report_hook  # noqa: E402, F401
from .evaluation import coco_metric  # noqa: E402, F401
from .evaluation.report import hook  # noqa: E402, F401
