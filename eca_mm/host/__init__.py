"""The host (mmengine, mmcv, mmdet): which versions work, and what is fixed in them.

versions    which versions work, in OpenMMLab's own packages and in the maintained forks
functions   the same function of the host with other global names: no code is copied

Each of the host's faults has one file here, or is named here with its place, where it
is fixed by a better part in the registry. A file says in which versions the fault is,
where that is told, and when the file can go:

(place)                           (fault)
eca_mm_start                      ``_base_`` takes no package but mmengine's own
eca_mm.checkpoints.allowed        mmengine cannot read its checkpoints, torch >= 2.6
eca_mm.checkpoints.roads          mmengine unpickles downloads without restraint
eca_mm.engine.checkpoint          a save deletes the last checkpoint before it writes
eca_mm.engine.exact_resume        what of an epoch was done is done again on resuming
eca_mm.evaluation.coco_metric     ``iou_thrs`` is documented and not taken

What only compiling mmcv needs is in tools/installer/build_shims.
"""

from .functions import with_names
from .versions import (
    STACKS,
    HostError,
    check_host,
    import_host,
    installed,
    need_host,
    remedy,
)

__all__ = [
    'STACKS',
    'HostError',
    'check_host',
    'import_host',
    'installed',
    'need_host',
    'remedy',
    'with_names',
]
