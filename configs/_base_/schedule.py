# The schedule of the ECA-Net paper, section 4.1: 12 epochs, the rate divided by 10
# after epochs 8 and 11, SGD 0.01 for 4 GPUs x 2 images.
_base_ = ['mmdet::_base_/schedules/schedule_1x.py', './default_runtime.py']

optim_wrapper = dict(optimizer=dict(lr=0.01))
auto_scale_lr = dict(enable=True, base_batch_size=8)
