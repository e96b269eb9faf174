"""The table of blocks: what each line says is so of the class that it names."""

import pytest
import sympy
from mmengine.registry import MODELS

from eca_mm.analysis.block_table import block_table
from eca_mm.layers import BLOCKS, OURS
from eca_mm.layers.block import LETTERS
from eca_mm.layers.identity import attention_kinds

C = 64
VALUES = dict(k=5, r=8, G=4, R=1 / 4)


@pytest.mark.parametrize(
    'name', [name for name, block in BLOCKS.items() if block.parameters is not None]
)
def test_parameters_are_as_many_as_the_formula_says(name):
    formula = sympy.sympify(BLOCKS[name].parameters)
    letters = {str(letter) for letter in formula.free_symbols} - {'C'}
    arguments = {LETTERS[letter]: VALUES[letter] for letter in letters}
    layer = MODELS.build(dict(type=name, in_channels=C, **arguments))
    count = sum(parameter.numel() for parameter in layer.parameters())
    assert count == int(formula.subs(dict(VALUES, C=C)))


def test_every_class_of_the_registry_that_is_attention_has_a_line():
    kinds = attention_kinds()
    found = {
        name
        for name, kind in MODELS.module_dict.items()
        if isinstance(kind, type) and kind in kinds and kind.__name__ == name
    }
    assert found == BLOCKS.keys()
    ours = {n for n, k in MODELS.module_dict.items() if 'eca_mm.layers' in k.__module__}
    assert ours == {*OURS}


def test_the_documentations_table():
    """Two rows as they must read, and a row for each block."""
    lines = block_table().splitlines()
    assert lines[-2] == '' and 'r is `reduction`' in lines[-1]
    assert [line.split('`')[1] for line in lines[2:-2]] == [*BLOCKS]
    (se,) = (line for line in lines if line.startswith('| `SE` '))
    assert se == (
        '| `SE` (`reduction=16, bias=False`) | sigmoid(W2 relu(W1 y)) | 2 C² / r | yes '
        '| yes | SENet |'
    )
    (cbam,) = (line for line in lines if line.startswith('| `CBAM` '))
    assert '| 2 C² / r + 2 k² | yes | no |' in cbam
