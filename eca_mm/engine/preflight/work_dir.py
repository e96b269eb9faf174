"""Whether another run is, or was, in the work dir."""

from collections.abc import Iterator
from pathlib import Path

from mmengine.config import Config

from eca_mm.config_dump import ConfigDumpError, load_dump
from eca_mm.config_leaves import OF_A_START, leaves
from eca_mm.findings import ERROR, WARNING, Finding, some

from ..run_lock import other_run

# Where and how a run was started, which is not what it does.
NOT_COMPARED = (*OF_A_START, 'env_cfg', 'model_wrapper_cfg')
OTHER_DIR = 'name another --work-dir, or go on with --resume'


def work_dir_findings(cfg: Config) -> Iterator[Finding]:
    """Another run at work there; checkpoints and a config of an earlier one."""
    folder = Path(cfg.get('work_dir') or '.')
    other = other_run(folder)
    if other:
        yield Finding(ERROR, 'work dir', '', other)
    found = sorted(path.name for path in folder.glob('*.pth') if path.name[0] != '.')
    resumes = bool(cfg.get('resume'))
    if found and not resumes:
        what = f'{folder} holds checkpoints of an earlier run ({some(found)})'
        yield Finding(WARNING, 'work dir', '', what, OTHER_DIR)
    try:
        differing = differing_keys(cfg, folder)
    except ConfigDumpError as error:
        differing = []
        what = f'the config in {folder} cannot be compared: {error}'
        yield Finding(WARNING, 'work dir', '', what, 'see whether it is of this run')
    if differing:
        what = f'the config in {folder} has other values for {some(differing)}'
        remedy = 'make sure that the change is meant' if resumes else OTHER_DIR
        yield Finding(WARNING, 'work dir', '', what, remedy)


def differing_keys(cfg: Config, folder: Path) -> list[str]:
    """Settings that differ from the config that mmengine left in the work dir.

    Raises:
        ConfigDumpError: It is not as mmengine leaves it.
    """
    path = folder / Path(cfg.filename or '').name
    if not path.is_file():
        return []
    before = dict(leaves(load_dump(path).to_dict(), NOT_COMPARED))
    now = dict(leaves(cfg.to_dict(), NOT_COMPARED))
    keys = dict.fromkeys([*before, *now])
    return [key for key in keys if before.get(key) != now.get(key)]
