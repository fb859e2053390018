"""Decides which images and labels training may use, and which images are reported.

cutting.py alone decides this. The training file has neither the reported images nor the hidden
labels, so neither can leak.

    full        all labels of the training images are known
    partial-P   P percent of them are known, of fit and of tune images (partial.py)
    fewshot-base  base labels from the fit images, novel ones hidden (fewshot.py)
    fewshot-K   the same, and at least K images of each novel label: an episode. A run with seed k
                uses episode k, and continues a run of fewshot-base

With `selection: tune` a fraction of the training images is held out to choose the checkpoint. With
`selection: report` it is chosen on the reported images, as the papers did: they are then in the
training file, with role tune and all their labels, and nothing else is held out.
"""
