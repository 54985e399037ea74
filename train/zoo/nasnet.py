"""NASNet-A, from ``keras.applications``: two cells found by architecture search, stacked.

Zoph, Vasudevan, Shlens, Le, "Learning Transferable Architectures for Scalable Image
Recognition", arXiv 1707.07012, CVPR 2018: Figure 2 (the stacking), Figure 4 (the cells), Table 2
(the sizes).

* ``nasnet_a_mobile`` is the paper's 4 @ 1056: 4 normal cells between reductions, 1056 channels at
  the end. ``nasnet_a_large`` is 6 @ 4032.
* Each cell takes the outputs of the two cells before it. After a reduction the second of these
  is, as in the authors' code, the reduction's own input in the mobile network, and the cell before
  that in the large one.
* ScheduledDropPath and the auxiliary classifier, which are for training only, are left out.
* NASNet-B (4 @ 1536) and NASNet-C (3 @ 960) are not here: the paper draws their cells (Figures 8 and 9), and no text or
  code that is public says what they consist of. `mobilecnn tables nasnet-3` has their published figures, and what is known.
"""

import keras


def build(*, variant: str, size: int, classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        variant: "mobile" or "large".
        size: input side, pixels; at least 32.
        classes: number of outputs.
        name: name of the model.
    """
    network = {"mobile": keras.applications.NASNetMobile, "large": keras.applications.NASNetLarge}[variant]
    return network(input_shape=(size, size, 3), weights=None, classes=classes, name=name)
