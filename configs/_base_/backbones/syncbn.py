# Norms that are trained, over the images of all GPUs.
backbone = dict(norm_cfg=dict(type='SyncBN'), norm_eval=False)
