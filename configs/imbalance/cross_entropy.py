# Classes alone, by a small network: what the others of this folder are compared with, see
# docs/tutorials/rare_classes.md.
_base_ = ['../single_semseg.py']
model = dict(backbone=dict(model_name='mobilenetv3_small_100'))
