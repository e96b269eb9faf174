"""Settings that fail silently: they run, and do not do what they seem to do."""

from collections.abc import Iterator

from mmengine.config import Config
from mmengine.registry import Registry, root
from torch import nn

from eca_mm.findings import WARNING, Finding, some

from .config_parts import as_list, walk

# Random weights, and the other settings that they need.
RANDOM_INIT = (
    '--cfg-options model.backbone.init_cfg=None model.backbone.frozen_stages=-1 '
    'model.backbone.norm_eval=False'
)


def import_findings(cfg: Config) -> Iterator[Finding]:
    """A config that works only here, where eca_mm is imported already."""
    imports = (cfg.get('custom_imports') or {}).get('imports') or []
    imports = [imports] if isinstance(imports, str) else imports
    if any(str(name).split('.')[0] == 'eca_mm' for name in imports):
        return
    ours = our_types()
    kinds = [node.get('type') for _, node in walk(cfg._cfg_dict)]
    used = [kind for kind in kinds if isinstance(kind, str) and kind in ours]
    if used:
        what = (
            f'{some(dict.fromkeys(used))} of eca_mm is used, and custom_imports lacks '
            "it: mmdet's own tools and DetInferencer will not know it"
        )
        remedy = "add custom_imports = dict(imports=['eca_mm']) to the config"
        yield Finding(WARNING, 'custom_imports', '', what, remedy)


def our_types() -> set[str]:
    """The names under which this package registers anything."""
    names = set()
    registries = [value for value in vars(root).values() if isinstance(value, Registry)]
    for registry in registries:
        for each in (registry, *registry.children.values()):
            names |= {
                name
                for name, kind in each.module_dict.items()
                if getattr(kind, '__module__', '').split('.')[0] == 'eca_mm'
            }
    return names


def frozen_findings(cfg: Config, model: nn.Module) -> Iterator[Finding]:
    """A backbone with random weights that is frozen, or whose norms never learn."""
    backbone = getattr(model, 'backbone', None)
    given = (cfg.get('model') or {}).get('backbone') or {}
    if cfg.get('load_from') or cfg.get('resume') or has_weights(cfg.model):
        return
    stages = getattr(backbone, 'frozen_stages', -1)
    frozen = []
    if isinstance(stages, int) and stages >= 0:
        frozen.append(f'frozen_stages={stages} keeps the first stages at random')
    if getattr(backbone, 'norm_eval', False):
        frozen.append('norm_eval=True keeps its norms at their initial values')
    if frozen and given:
        what = f'the backbone starts from random weights, and {" and ".join(frozen)}'
        remedy = f'set {RANDOM_INIT}, or give it weights'
        yield Finding(WARNING, 'initial weights', '', what, remedy)


def has_weights(model: dict) -> bool:
    """Whether a checkpoint is named for the whole model or for its backbone."""
    nodes = [model, model.get('backbone') or {}]
    inits = [init for node in nodes for init in as_list(node.get('init_cfg'))]
    named = any(isinstance(i, dict) and i.get('type') == 'Pretrained' for i in inits)
    return named or any(node.get('pretrained') for node in nodes)
