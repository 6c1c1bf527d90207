# NYUD-v2 with distillation between the four tasks (PAD-Net): first predictions have the same weights.
_base_ = './mtl_resnet50.py'
model = dict(
    backbone=dict(model_name='resnet18'),
    decode_head=dict(interaction=dict(type='SpatialGates')))
