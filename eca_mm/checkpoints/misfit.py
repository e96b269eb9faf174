"""What is the matter with weights that do not fit a model, and what to do about it.

The preflight and every tool that loads a checkpoint say it in these words.
"""

from collections.abc import Mapping

from torch import Size

from eca_mm.findings import some

from .content import Content, fitting_prefix
from .load_report import LoadReport, shapes_of
from .resize_eca import REMEDY, differ_in_kernel_sizes

CONVERT = 'tools/convert_checkpoint.py gives published weights the names used here'
ITS_CONFIG = 'give the config that it was trained with'


def nothing_fits(
    content: Content,
    wanted: Mapping[str, Size],
    target: str = 'model',
    init_prefix: bool | str | None = False,
) -> tuple[str, str]:
    """What is wrong, and a remedy; arguments as of :func:`why_nothing_fits`.

    Args:
        target: What the weights are for.
    """
    why, remedy = why_nothing_fits(content, wanted, init_prefix)
    return f'nothing of {content.name} fits the {target}: {why}', remedy


def left_at_random(name: str, report: LoadReport) -> tuple[str, str]:
    """What is wrong with a checkpoint of which a part fits, and a remedy."""
    what = f'{name} leaves parts of the model at random: {misfits(report)}'
    unfit = [*report.missing, *report.mismatched, *report.unexpected]
    remedy = f'{ITS_CONFIG}, {REMEDY}' if differ_in_kernel_sizes(unfit) else ITS_CONFIG
    return what, remedy


def misfits(report: LoadReport) -> str:
    """Examples of what is not in both, or of another shape."""
    shapes = [
        f'{name} is {tuple(found)} instead of {tuple(wanted)}'
        for name, (found, wanted) in report.mismatched.items()
    ]
    missing = [f'no {name}' for name in report.missing]
    return some(
        [*shapes, *missing, *(f'{name} too much' for name in report.unexpected)]
    )


def why_nothing_fits(
    content: Content, wanted: Mapping[str, Size], init_prefix: bool | str | None = False
) -> tuple[str, str]:
    """What is the matter with weights of which a model can take none, and a remedy.

    Args:
        wanted: Names and shapes of the model, or of the part that is to take them.
        init_prefix: The ``prefix`` of an ``init_cfg``, None where it has none; False
            where the weights are not given by an ``init_cfg``.
    """
    found = shapes_of(content.state)
    prefix = fitting_prefix(wanted, found)
    if isinstance(init_prefix, str) and prefix is None:
        begins = sorted({name.partition('.')[0] for name in found})
        return (
            f'no tensor that fits stands below {init_prefix!r} in it, or below any '
            f'other name (its names begin with {some(begins) or "nothing"})',
            'give weights of this architecture',
        )
    if prefix is not None:
        where = f'its names begin with {prefix!r}' if prefix else 'they are at its top'
        return where, prefix_remedy(prefix, init_prefix)
    if content.hidden:
        return (
            f'its weights lie under {content.hidden!r}, and they are looked for under '
            "'state_dict' or at the top",
            "save them again under 'state_dict'",
        )
    if not found:
        return 'it holds no tensors', 'give a file with weights'
    part = fitting_prefix(found, wanted)
    if part:
        part = part.removesuffix('.')
        return (
            f'it holds the weights of {part} alone, without {part!r} before the names',
            f"to train from them: model.{part}.init_cfg=dict(type='Pretrained', "
            f"checkpoint='{content.name}')",
        )
    common = [name for name in wanted if name in found]
    if common:
        shapes = [f'{n} is {tuple(found[n])} for {tuple(wanted[n])}' for n in common]
        return f'all have other shapes: {some(shapes)}', 'give weights of this model'
    return f'its names are {some(found)}; here they are {some(wanted)}', CONVERT


def prefix_remedy(prefix: str, init_prefix: bool | str | None) -> str:
    """How to take weights that stand below ``prefix`` in a file; '' is at its top."""
    if init_prefix is False:
        return f'save it again without {prefix!r} before its names'
    if not prefix:
        return 'leave prefix out of its init_cfg'
    return f'give its init_cfg prefix={prefix!r}'
