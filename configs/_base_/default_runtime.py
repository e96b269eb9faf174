_base_ = ['mmdet::_base_/default_runtime.py', './hooks.py']

# The only custom_imports of the repository: a second one would replace it.
custom_imports = dict(imports=['eca_mm'])
custom_hooks = _base_.pop('reports')
default_hooks = _base_.pop('hooks')
