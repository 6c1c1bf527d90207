# Adam with a polynomial decay over the whole training: a schedule without `end` ends with it. Set the
# number of epochs and the learning rate in the experiment.
train_cfg = dict(type='SeededTrainLoop', max_epochs=30, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4))
param_scheduler = [
    dict(type='PolyLR', power=0.9, by_epoch=True, convert_to_iter_based=True),
]
