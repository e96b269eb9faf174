"""What is wrong in a COCO file, judged by what mmdet and pycocotools do with it.

An error is what ends a run with a traceback or spoils its outcome; a warning is what
mmdet 3.3 leaves out without a word or takes as it is (``CocoDataset.parse_data_info``,
``LoadAnnotations``). COCO's train2017 takes seconds: Python looks at each entry once
and at each number of its polygons not at all.
"""

from eca_mm.findings import Finding

from .boxes import check_boxes
from .entries import Entries
from .fields import check_fields
from .ids import check_ids, check_references
from .images import check_names, check_sizes
from .masks import check_masks
from .read import PARTS, no_collection


def check_coco(
    coco: dict,
    masks: bool = False,
    evaluated: bool = False,
    reported: bool = False,
) -> tuple[list[Finding], dict[str, list[dict]]]:
    """Findings in the content of a COCO file, and the parts without what is wrong.

    Args:
        coco: As of :func:`read_coco`.
        masks: Whether segmentations are trained on or evaluated, and not boxes alone.
        evaluated: Whether the file is the ground truth of an evaluation, which reads
            more of it than training does.
        reported: Whether it is evaluated and nothing else: asks for what pycocotools
            reads, keeps what it can count with, and tells of what changes its figures.

    Returns:
        The findings, without a subject; for each part the entries without an error.
    """
    with no_collection():
        parts = {name: Entries(name, coco[name]) for name in PARTS}
        images, categories, annotations = parts.values()
        evaluated |= reported
        for entries in parts.values():
            check_fields(entries, evaluated, reported, masks)
        for entries in parts.values():
            check_ids(entries, evaluated, reported)
        if masks or not reported:
            check_sizes(images, masks and evaluated)
        if not reported:
            check_names(images)
        check_references(annotations, coco)
        check_boxes(annotations, images, reported)
        if masks or not reported:
            check_masks(annotations, images, masks, evaluated)
    findings = [finding for entries in parts.values() for finding in entries.findings]
    return findings, {name: entries.kept for name, entries in parts.items()}
