# The default experiment, with which the others of this folder are compared; see docs/tutorials/rare_classes.md.
_base_ = ['../mtl_branched.py']
