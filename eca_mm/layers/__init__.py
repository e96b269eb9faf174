from .aa_conv import AAConv2d
from .cbam import CBAM
from .eca import ECA
from .eca_ns import ECANS
from .se import SE
from .se_variants import SEGC, SEVar1, SEVar2, SEVar3

__all__ = [
    'CBAM',
    'ECA',
    'ECANS',
    'SE',
    'SEGC',
    'AAConv2d',
    'SEVar1',
    'SEVar2',
    'SEVar3',
]
