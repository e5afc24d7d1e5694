"""Compiled constraints that `generate` keeps, so that an equal request compiles nothing.

Each model has a `ConstraintCache` of its own, which goes when the model goes. A request with a
`timeout` needs an automaton that its clock may cancel, and what is cancelled stays so: such
automata are lent to one request at a time, and taken back unless they were cancelled.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from structgen._core import CancelToken, Limits
from structgen.constraints import TextConstraint
from structgen.constraints.cache import ConstraintCache, compiled_bytes
from structgen.constraints.protocol import Compiled, Constraint
from structgen.generate.deadline import Deadline, with_token
from structgen.models import LanguageModel

MAX_BYTES = 256 << 20
"""Of states and masks, for one model; half as much again of automata to be lent."""

_LENT_BYTES = MAX_BYTES // 2
_LENT_ENTRIES = 64
_Build = Callable[[Limits | None], Constraint]


@dataclass(frozen=True, slots=True)
class Lease:
    """An automaton lent to one request, and the token that cancels it."""

    compiled: Compiled
    token: CancelToken
    store: _Store
    key: Hashable | None

    def give_back(self) -> None:
        """Let another request have it, unless it was cancelled."""
        if not self.token.cancelled and self.key is not None:
            self.store.keep(self)


class _Store:
    """What is kept for one model."""

    def __init__(self, model: LanguageModel) -> None:
        self.cache = ConstraintCache(model.vocabulary, max_bytes=MAX_BYTES, name="generate")
        self._idle: OrderedDict[int, tuple[Lease, int]] = OrderedDict()  # oldest first
        self._bytes = 0
        self._lock = threading.Lock()

    def keep(self, lease: Lease) -> None:
        size = compiled_bytes(lease.compiled)
        with self._lock:
            self._idle[id(lease)] = lease, size
            self._bytes += size
            while self._bytes > _LENT_BYTES or len(self._idle) > _LENT_ENTRIES:
                self._bytes -= self._idle.popitem(last=False)[1][1]

    def take(self, key: Hashable) -> Lease | None:
        with self._lock:
            for number, (lease, size) in reversed(self._idle.items()):
                if lease.key == key:
                    del self._idle[number]
                    self._bytes -= size
                    return lease
        return None


_stores: weakref.WeakKeyDictionary[LanguageModel, _Store] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def _store(model: LanguageModel) -> _Store:
    try:
        with _lock:
            known = _stores.get(model)
            if known is None:
                known = _stores[model] = _Store(model)
            return known
    except TypeError:  # a model of a user's that has no hash, or takes no weak references
        return _Store(model)


def compiled_for(
    model: LanguageModel, key: Hashable | None, build: _Build, limits: Limits | None
) -> Compiled:
    """The constraint that `build` makes, for the model's vocabulary; kept under `key`.

    Raises:
        ConstraintError, LimitExceeded, Cancelled: what `build` and `compile` raise.
    """
    if key is None:
        return build(limits).compile(model.vocabulary, limits)
    return _store(model).cache.get(key, lambda: build(limits), limits=limits)


def leased(
    model: LanguageModel,
    key: Hashable | None,
    build: _Build,
    limits: Limits | None,
    deadline: Deadline,
) -> Lease:
    """An automaton that `deadline` may cancel.

    Raises:
        Cancelled: it did so while the automaton was built; what else `compiled_for` raises.
    """
    store = _store(model)
    whole = None if key is None else (key, limits)
    lease = None if whole is None else store.take(whole)
    outer = None if limits is None else limits.cancel
    if lease is not None:
        deadline.arm(lease.token, outer)
        return lease
    token = CancelToken()
    deadline.arm(token, outer)
    granted = with_token(limits, token)
    built = build(granted)
    # Past the automata that a constraint keeps for everybody: these are nobody else's.
    maker = built.program if isinstance(built, TextConstraint) else built
    compiled = maker.compile(model.vocabulary, granted)
    return Lease(compiled, token, store, whole)
