_base_ = ['./_base_/small_faster_rcnn_r18.py', './_base_/digits.py']
