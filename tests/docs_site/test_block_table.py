"""The table of blocks in docs/use.md, and the examples around it."""

import ast
import re

import pytest
import torch
from mmdet.registry import MODELS

from docs_site.examples import blocks
from docs_site.links import REPO
from eca_mm.analysis.block_table import block_table

PAGE = (REPO / 'docs/use.md').read_text()
EXAMPLES = {
    f'{name}:{block.line}': block.text
    for name in ('README.md', 'docs/use.md')
    for block in blocks((REPO / name).read_text(), 'python')
    if '_base_' not in block.text
}


def test_table_is_of_the_blocks():
    """Else put there what python -m eca_mm.analysis.block_table prints."""
    marked = r'<!-- blocks: [^>]*-->\n\n(.*?)\n<!-- end -->'
    (table,) = re.findall(marked, PAGE, re.DOTALL)
    assert table == block_table()


@pytest.mark.parametrize('example', EXAMPLES.values(), ids=EXAMPLES)
def test_configs_are_built(example):
    """A fragment is one of a ResNet-50's backbone, or its plugins."""
    names = {}
    for node in ast.parse(example).body:
        exec(compile(ast.Module([node], []), 'example', 'exec'), names)
    backbone = dict(type='PluginResNet', depth=50)
    backbone |= names.get('model', {}).get('backbone', {})
    backbone |= {key: names[key] for key in ('plugins',) if key in names}
    with torch.device('meta'):
        model = MODELS.build(backbone)
    kinds = {type(module).__name__ for module in model.modules()}
    wanted = {'ECA', 'NonLocal2d', 'AAConv2d'}
    assert len(kinds & wanted) == 1
    assert next(iter(kinds & wanted)) in example
