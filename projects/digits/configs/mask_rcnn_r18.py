_base_ = ['./_base_/small_mask_rcnn_r18.py', './_base_/digits_masks.py']
