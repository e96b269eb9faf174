"""Names that a package gives only when they are asked for are all there."""

from importlib import import_module

import pytest


@pytest.mark.parametrize('package', ['engine', 'evaluation', 'layers', 'report'])
def test_every_public_name_is_there(package):
    module = import_module(f'eca_mm.{package}')
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match='no attribute .theirs.'):
        module.theirs  # noqa: B018
