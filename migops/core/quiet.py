"""Other people's text is parsed without Python's remarks on it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_warnings() -> Iterator[None]:
    """Without what Python says about other people's text: an odd escape in it is none of our user's business."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
