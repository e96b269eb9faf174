from .resnet import ECAResNet, PluginResNet

__all__ = ['ECAResNet', 'PluginResNet']
