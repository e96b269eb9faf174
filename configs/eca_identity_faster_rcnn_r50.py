# Faster R-CNN, ECA-ResNet-50, FPN, from the weights of the plain ResNet-50: ours, not
# the paper's, for who has no ECA weights. Each gate is 1 at first, so training starts
# exactly where faster_rcnn_r50.py does. Stage 1 is frozen and stays so. Not trained by
# us, and no score is known.
#   python tools/train.py configs/eca_identity_faster_rcnn_r50.py
_base_ = './faster_rcnn_r50.py'

model = dict(backbone=dict(type='ECAResNet', identity_init=True))
