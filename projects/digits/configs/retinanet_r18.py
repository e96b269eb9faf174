_base_ = ['./_base_/small_retinanet_r18.py', './_base_/digits.py']
