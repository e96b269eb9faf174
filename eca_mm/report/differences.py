"""What the configs of several runs differ in."""

from mmengine.config import Config

ABSENT = '–'
# Where a run was written and what it started from: not what the model is.
NOT_COMPARED = ('work_dir', 'load_from', 'resume', 'launcher', '_launcher')


def differing_settings(configs: dict[str, Config]) -> list[dict[str, str]]:
    """The settings that are not the same in all configs.

    Args:
        configs: The config of each run, by the run's name.

    Returns:
        For each such setting its dotted ``setting`` and each run's value, '–' where a
        config does not have it.
    """
    flat = {name: dict(leaves(cfg.to_dict())) for name, cfg in configs.items()}
    settings = dict.fromkeys(key for values in flat.values() for key in values)
    rows = []
    for setting in settings:
        values = {name: found.get(setting, ABSENT) for name, found in flat.items()}
        if len(set(values.values())) > 1:
            rows.append(dict(setting=setting, **values))
    return rows


def leaves(node, path: str = ''):
    """Every value of a config that is not a container, with its dotted path."""
    if isinstance(node, dict) and node:
        for key, value in node.items():
            if path or key not in NOT_COMPARED:
                yield from leaves(value, f'{path}.{key}' if path else str(key))
    elif isinstance(node, (list, tuple)) and any(isinstance(v, dict) for v in node):
        for i, value in enumerate(node):
            yield from leaves(value, f'{path}.{i}')
    else:
        yield path, repr(list(node) if isinstance(node, tuple) else node)
