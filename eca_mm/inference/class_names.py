"""The names of a detector's classes: of its checkpoint, else of its config."""

from collections.abc import Mapping, Sequence

from torch import nn

from eca_mm.errors import RequestError


def classes_in(meta: Mapping, checkpoint: str) -> dict:
    """Class names and palette that a checkpoint tells, in its old or new form.

    Raises:
        RequestError: The names are no list of texts.
    """
    told = meta.get('dataset_meta')
    if not isinstance(told, Mapping):
        told = {key: meta[key] for key in ('CLASSES', 'PALETTE') if key in meta}
    found = {str(key).lower(): value for key, value in told.items() if value}
    names = found.get('classes', ())
    if not is_names(names):
        raise RequestError(f'{checkpoint}: its class names are no list of texts')
    return {key: found[key] for key in ('classes', 'palette') if key in found}


def is_names(value: object) -> bool:
    listed = isinstance(value, Sequence) and not isinstance(value, str)
    return listed and all(isinstance(name, str) for name in value)


def check_classes(names: object, model: nn.Module, checkpoint: str) -> tuple[str, ...]:
    """The names, one for each class of the model's last head.

    Raises:
        RequestError: There are none, or not as many.
    """
    if not names or not is_names(names):
        raise RequestError(
            f'{checkpoint}: neither it nor its config has class names: set '
            'test_dataloader.dataset.metainfo of one given by --config'
        )
    count = number_of_classes(model)
    if count is not None and count != len(names):
        raise RequestError(
            f'{checkpoint}: there are names of {len(names)} classes for a head of '
            f'{count}: give a config of the same data by --config'
        )
    return tuple(names)


def number_of_classes(model: nn.Module) -> int | None:
    """Of the head that names boxes; None where it is not told."""
    head = getattr(getattr(model, 'roi_head', model), 'bbox_head', None)
    if isinstance(head, nn.ModuleList):  # a cascade
        head = head[-1]
    count = getattr(head, 'num_classes', None)
    return count if isinstance(count, int) else None
