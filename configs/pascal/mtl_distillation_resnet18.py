# PASCAL-Context with distillation between the five tasks (PAD-Net).
_base_ = './mtl_resnet18.py'
model = dict(decode_head=dict(interaction=dict(type='SpatialGates')))
