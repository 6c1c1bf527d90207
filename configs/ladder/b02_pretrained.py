# Report B, step 2: the encoder starts from ImageNet weights (no change at LADDER_SIZE=small).
_base_ = './b01_base.py'
model = dict(backbone=dict(pretrained={{_base_.weights}}))
