_base_ = ['./_base_/small_rtmdet.py', './_base_/digits.py']
