"""Weights of any origin: loaded safely, renamed, and compared with the model.

The schemes ``ecanet://`` and ``ecanet-coco://`` are taken wherever mmengine takes a
checkpoint; the rest is behind ``eca-mm convert`` and the reports on loaded weights.
"""

__all__: list[str] = []
