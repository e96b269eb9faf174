"""Which errors a detector makes and what AP they cost, as TIDE defines it.

D. Bolya et al., TIDE: A General Toolbox for Identifying Object Detection Errors, ECCV
2020, arXiv:2008.08115. The figures agree with its authors' tidecv 1.0.1 but where
tidecv counts classes without objects into the mean, leaves out those that a repair
empties, counts errors of detections on crowds, or ranks equal scores its own way.
"""

from dataclasses import dataclass

from .detections import Detections
from .outcomes import without_crowds

# Our names, and hotcoco's.
NAMES = dict(
    classification='Cls',
    localisation='Loc',
    both='Both',
    duplicate='Dupe',
    background='Bkg',
    missed='Miss',
    false_positive='FP',
    false_negative='FN',
)
ERRORS = tuple(NAMES)[:6]


@dataclass(frozen=True)
class Errors:
    """The error breakdown of one detector.

    A wrong detection is, by its highest IoU with an object of its own class (own) and
    of the others (other), t being the IoU threshold and b the background threshold:

    - localisation: b <= own <= t
    - classification: else, other >= t
    - duplicate: else, own > t, but another detection has found the object
    - background: else, both <= b
    - both: else, so it overlaps an object of another class a little

    An object is missed if no detection found it and none of the first two errors aims
    at it. To mend one of these two, the best detection that aims at an object finds it,
    in the object's class, and the others are dropped. All other wrong detections and
    missed objects are dropped, each kind for itself.

    Attributes:
        ap: AP at the IoU threshold, 0 to 1, mean over the classes that have objects.
        counts: Number of errors of each kind.
        gains: What AP would gain if the errors of one kind alone were mended: each
            kind, and false_positive (no wrong detection) and false_negative (no object
            without a detection).
    """

    ap: float
    counts: dict[str, int]
    gains: dict[str, float]


def error_breakdown(
    detections: Detections,
    iou_threshold: float = 0.5,
    background_threshold: float = 0.1,
) -> Errors:
    """Tell the errors apart and mend one kind at a time.

    Raises:
        ValueError: iou_threshold is none of COCO's, or background_threshold is not
            between 0 and it.
    """
    if not 0 < background_threshold < iou_threshold:
        raise ValueError(
            f'background_threshold must lie between 0 and {iou_threshold}, '
            f'not {background_threshold}'
        )
    evaluation = without_crowds(detections, iou_threshold)
    evaluation.evaluate()
    found = evaluation.tide_errors(iou_threshold, background_threshold)
    return Errors(
        ap=found['ap_base'],
        counts={name: found['counts'][NAMES[name]] for name in ERRORS},
        gains={name: found['delta_ap'][key] for name, key in NAMES.items()},
    )
