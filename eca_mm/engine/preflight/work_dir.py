"""Whether another run is, or was, in the work dir."""

import ast
from collections.abc import Iterator
from pathlib import Path

from mmengine.config import Config

from eca_mm.findings import ERROR, WARNING, Finding, some

from ..run_lock import other_run

# Where and how a run was started, which is not what it does.
NOT_COMPARED = ('work_dir', 'load_from', 'resume', 'launcher', '_launcher')
NOT_COMPARED += ('env_cfg', 'model_wrapper_cfg')
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
    differing = differing_keys(cfg, folder)
    if differing:
        what = f'the config in {folder} has other values for {some(differing)}'
        remedy = 'make sure that the change is meant' if resumes else OTHER_DIR
        yield Finding(WARNING, 'work dir', '', what, remedy)


def differing_keys(cfg: Config, folder: Path) -> list[str]:
    """Settings that differ from the config that mmengine left in the work dir."""
    path = folder / Path(cfg.filename or '').name
    if not path.is_file():
        return []
    try:
        before = dict(leaves(read_dump(path.read_text())))
    except (OSError, ValueError, SyntaxError):  # not mmengine's, or with objects
        return []
    now = dict(leaves(cfg.to_dict()))
    keys = dict.fromkeys([*before, *now])
    return [key for key in keys if before.get(key) != now.get(key)]


def read_dump(text: str) -> dict:
    """The settings of a dumped config, which is not run: a work dir may be anyone's.

    Raises:
        ValueError, SyntaxError: It has more than plain values in it.
    """
    found = {}
    for node in ast.parse(text).body:
        if not isinstance(node, ast.Assign) or len(node.targets) != 1:
            raise ValueError(f'line {node.lineno} sets no value')
        found[node.targets[0].id] = plain_value(node.value)
    return found


def plain_value(node: ast.expr):
    """A literal, or a call of ``dict`` with literals."""
    if isinstance(node, ast.Call):
        if getattr(node.func, 'id', '') != 'dict' or node.args:
            raise ValueError(f'line {node.lineno} calls something')
        return {item.arg: plain_value(item.value) for item in node.keywords}
    if isinstance(node, (ast.List, ast.Tuple)):
        return [plain_value(item) for item in node.elts]
    if isinstance(node, ast.Dict):
        keys = map(ast.literal_eval, node.keys)
        return dict(zip(keys, map(plain_value, node.values), strict=True))
    return ast.literal_eval(node)


def leaves(node, path: str = '') -> Iterator[tuple[str, object]]:
    """Every value that holds no others, with its dotted path; tuples as lists."""
    if isinstance(node, dict) and node:
        for key, value in node.items():
            if path or key not in NOT_COMPARED:
                yield from leaves(value, f'{path}.{key}' if path else str(key))
    elif isinstance(node, (list, tuple)) and node:
        for i, value in enumerate(node):
            yield from leaves(value, f'{path}.{i}')
    else:
        yield path, list(node) if isinstance(node, tuple) else node
