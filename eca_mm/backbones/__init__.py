from eca_mm.host import need_host

need_host(__name__)  # and says so, before a module of the host is missed

from .mobilenet_v2 import ECAMobileNetV2, PluginMobileNetV2  # noqa: E402
from .resnet import ECAResNet, PluginResNet  # noqa: E402

__all__ = ['ECAMobileNetV2', 'ECAResNet', 'PluginMobileNetV2', 'PluginResNet']
