"""Where configs, projects and tools lie: a clone, or what the wheel put in its place.

A wheel has them in ``eca_mm/.mim``, as OpenMMLab's packages do; in a clone there are
links of that name. So their paths are the same in both.
"""

from importlib.util import find_spec
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
MIM = PACKAGE / '.mim'


def folder() -> Path:
    """The folder of ``configs``, ``projects`` and ``tools``."""
    clone = PACKAGE.parent
    return clone if (clone / 'configs/metafile.yml').is_file() else MIM


def config_path(name: str) -> Path:
    """The file of a config's name: a path, or such as ``eca_mm::eca_mask_rcnn_r50.py``.

    ``eca_mm::projects/digits/configs/eca_faster_rcnn_r18.py`` is one of a project.

    Raises:
        ValueError: No package of that name has configs.
    """
    package, colons, rest = name.partition('::')
    if not colons:
        return Path(name)
    if package == PACKAGE.name:
        return folder() / ('' if rest.startswith('projects/') else 'configs') / rest
    spec = find_spec(package) if package.isidentifier() else None
    if spec is None or spec.origin is None:
        raise ValueError(f'{package!r} is no installed package')
    return Path(spec.origin).parent / '.mim/configs' / rest
