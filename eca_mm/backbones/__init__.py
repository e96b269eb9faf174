from .anywhere import WithAttention
from .mobilenet_v2 import ECAMobileNetV2, PluginMobileNetV2
from .resnet import ECAResNet, PluginResNet

__all__ = [
    'ECAMobileNetV2',
    'ECAResNet',
    'PluginMobileNetV2',
    'PluginResNet',
    'WithAttention',
]
