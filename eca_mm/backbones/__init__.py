from .resnet import ECAResNet

__all__ = ['ECAResNet']
