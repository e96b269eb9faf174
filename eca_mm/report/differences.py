"""What the configs of several runs differ in."""

from mmengine.config import Config

from eca_mm.config_leaves import leaves

ABSENT = '–'


def differing_settings(configs: dict[str, Config]) -> list[dict[str, str]]:
    """The settings that are not the same in all configs.

    Args:
        configs: The config of each run, by the run's name.

    Returns:
        For each such setting its dotted ``setting`` and each run's value, '–' where a
        config does not have it.
    """
    flat = {
        name: {key: repr(v) for key, v in leaves(cfg.to_dict(), whole_lists=True)}
        for name, cfg in configs.items()
    }
    settings = dict.fromkeys(key for values in flat.values() for key in values)
    rows = []
    for setting in settings:
        values = {name: found.get(setting, ABSENT) for name, found in flat.items()}
        if len(set(values.values())) > 1:
            rows.append(dict(setting=setting, **values))
    return rows
