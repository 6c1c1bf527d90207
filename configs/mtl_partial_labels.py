# Two data sets, one with only classes and one with only depth: every batch trains the tasks that it
# has. Here they are the first and the last 400 scenes; yours may have different types.
_base_ = ['mtl_branched.py']
common = dict(
    type='StreetScenesDataset', data_root={{_base_.data_root}}, split='train',
    counts={{_base_.scenes.counts}}, size={{_base_.scenes.size}}, seed={{_base_.scenes.seed}},
    pipeline={{_base_.train_pipeline}})
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        datasets=[
            dict(common, targets=('semseg',), indices=400),
            dict(common, targets=('depth',), indices=-400),
        ]))
