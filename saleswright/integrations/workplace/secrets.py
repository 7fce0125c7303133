"""The secrets of connections, kept encrypted with a key made of `SECRET_KEY`."""

from __future__ import annotations

from functools import partial

from saleswright.kernel.sealing import seal, unseal

PURPOSE = "saleswright.workplace"

sealed = partial(seal, purpose=PURPOSE)
#: raises InvalidToken where `SECRET_KEY` is another one by now
opened = partial(unseal, purpose=PURPOSE)
