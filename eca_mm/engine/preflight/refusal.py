"""Turn what a host raises while it builds a part of a run into a finding."""

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from mmengine.registry import build_functions
from mmengine.registry.registry import Registry

from eca_mm.errors import RequestError
from eca_mm.findings import ERROR, Finding

from .config_parts import walk
from .names import arguments_of, did_you_mean, registered

SHOWN = 300  # letters of a message: some hosts quote the whole config
# Words of a host's message: what to do about it.
REMEDIES = {
    'Not implemented yet': "set the backbone's type='PluginResNet': mmdet's ResNet "
    'takes no plugins at depth 18 and 34',
    'duplicate plugin': "give one of the two a name of its own with cfg.postfix='_2', "
    'or remove one',
    'must be odd': 'give an odd number: an even one has no middle',
    'only available training': "set optim_wrapper.type='OptimWrapper' to train on CPU "
    '(and leave --amp out), or train on a GPU',
    'persistent_workers option': 'set persistent_workers=False, or num_workers to 1 or '
    'more',
    'segm is not in results': "set metric='bbox': this model gives no masks",
    'outfile_prefix must be not': 'set outfile_prefix to where the files should go, '
    "for example 'work_dirs/results'",
    'is not in the': 'correct the name, or add the module that registers it to '
    'custom_imports',
}


class Refusals:
    """The findings of the steps of a dry run.

    Args:
        cfg: The whole config, to tell where in it the part is.
    """

    def __init__(self, cfg: dict) -> None:
        self.cfg = cfg
        self.found: list[Finding] = []

    @contextmanager
    def of(self, part: str, subject: str = '') -> Iterator[None]:
        """Record what is raised inside as an error, and continue.

        Args:
            part: The key of the config that is being built, such as 'optim_wrapper'.
        """
        try:
            yield
        except Exception as error:  # of hosts and of anyone's code in a config
            cause = error.__cause__ if isinstance(error, RequestError) else None
            finding = finding_of(cause or error, self.cfg, part, subject)
            # A model that fails in training fails in validation too.
            if all((f.part, f.what) != (part, finding.what) for f in self.found):
                self.found.append(finding)


def finding_of(error: BaseException, cfg: dict, part: str, subject: str) -> Finding:
    """An error that a host raised: where in the config, what, and what to do."""
    frame = built_last(error.__traceback__)
    path = place(cfg, part, frame)
    remedy = remedy_of(error, frame)
    if not remedy and frame.get('obj_cls') is not None:
        remedy = (
            f'correct {path or part}, which {name_of(frame["obj_cls"])} is built from'
        )
    what = f'{path}: {message(error)}' if path != part else message(error)
    return Finding(ERROR, part, subject, what, remedy or f'correct {path or part}')


def built_last(trace: TracebackType | None) -> dict:
    """Variables of the innermost call of mmengine's build function, if there is one."""
    found = {}
    for frame, _ in traceback.walk_tb(trace):
        if frame.f_code is build_functions.build_from_cfg.__code__:
            found = frame.f_locals
    return found


def place(cfg: dict, part: str, frame: dict) -> str:
    """Dotted path of what was being built: the part itself if it is not found."""
    wanted = frame.get('cfg')
    if isinstance(wanted, dict) and wanted.get('type'):
        inside = cfg.get(part)
        for path, node in walk(inside, part):
            if node == wanted:
                return path
        # A host adds settings to what it builds from, or removes some.
        same = [
            path
            for path, node in walk(inside, part)
            if node.get('type') == wanted['type']
        ]
        if len(same) == 1:
            return same[0]
    return part


def message(error: BaseException) -> str:
    """An exception in one line, with the line that failed where it has no text."""
    text = ' '.join(str(error).split())
    if not text:
        text = traceback.extract_tb(error.__traceback__)[-1].line or ''
    if isinstance(error, KeyError) and re.fullmatch(r"'[\w.@]+'", text):
        text = f'{text} is missing'
    text = text if len(text) <= SHOWN else f'{text[:SHOWN]} ...'
    return f'{type(error).__name__}: {text}'


def remedy_of(error: BaseException, frame: dict) -> str:
    """What to do about an exception, where that is known."""
    text = str(error)
    kind, registry = frame.get('obj_type'), frame.get('registry')
    unknown = frame.get('obj_cls', registry) is None
    if unknown and isinstance(kind, str) and isinstance(registry, Registry):
        near = did_you_mean(kind, registered(registry))
        if near:
            return near
    wrong = re.search(r"unexpected keyword argument '(\w+)'", text)
    if wrong and frame.get('obj_cls') is not None:
        near = did_you_mean(wrong[1], arguments_of(frame['obj_cls']))
        return (
            near or f'remove {wrong[1]}: {name_of(frame["obj_cls"])} does not accept it'
        )
    return next((told for words, told in REMEDIES.items() if words in text), '')


def name_of(kind) -> str:
    return getattr(kind, '__name__', str(kind))
