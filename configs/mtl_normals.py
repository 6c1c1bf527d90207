# Three tasks from one network: classes, depth and surface normals. docs/add_a_task.md explains how
# to add others.
_base_ = ['mtl_branched.py']
model = dict(
    decode_head=dict(task_heads=dict(normals=dict(type='NormalsHead'))),
    balancer=dict(weights=dict(normals=0.5)))
targets = ['semseg', 'depth', 'normals']
train_dataloader = dict(dataset=dict(targets=targets))
val_dataloader = dict(dataset=dict(targets=targets))
test_dataloader = val_dataloader
