from .read import read_coco, read_json
from .results import Results, as_results, kinds_of, read_results
from .truth import Truth, TruthError, as_truth, checked, read_truth
from .validate import check_coco

__all__ = [
    'Results',
    'Truth',
    'TruthError',
    'as_results',
    'as_truth',
    'check_coco',
    'checked',
    'kinds_of',
    'read_coco',
    'read_json',
    'read_results',
    'read_truth',
]
