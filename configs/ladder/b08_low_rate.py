# Report B, step 8: thirty epochs at half the learning rate.
_base_ = './b07_distillation.py'
optim_wrapper = dict(optimizer=dict(lr={{_base_.low_learning_rate}}))
