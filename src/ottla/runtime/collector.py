"""What a long life may ask of Python's garbage collector."""

import gc


def spare_the_collector(objects: int, *generations: int) -> None:
    """What is there stays out of its sight, without a last collection, which would hold up whoever comes first.

    It looks when so many objects are new, and at older ones after so many looks (`gc.set_threshold`).
    """
    gc.freeze()
    gc.set_threshold(objects, *generations)
