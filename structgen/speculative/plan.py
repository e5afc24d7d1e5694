"""From drafters to the nodes that are worth verifying.

The plan grows a tree best first. At the most promising open position, forced text is asked for;
where none is forced, every other drafter. The ends of their drafts are new positions, so a copied
value is followed by the forced text up to the next value, and that by whatever is usual there.
Positions that cannot pay for a node any more (see `structgen.speculative.budget`) are not opened.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from structgen.constraints.protocol import Matcher
from structgen.speculative.budget import Acceptance, CostModel, choose_nodes, draft_length
from structgen.speculative.draft import EMPTY, Draft, DraftContext, Drafter
from structgen.speculative.forced import FORCED, TAIL, ForcedDrafter
from structgen.speculative.prune import tree_masks
from structgen.speculative.tree import DraftTree


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much may be drafted per row and forward pass.

    Attributes:
        max_nodes: guessed nodes verified per row and pass, at most.
        max_forced: forced nodes verified per row and pass, at most, besides those.
        max_positions: positions of a tree at which drafters are asked, at most.
        adaptive: choose nodes by measured acceptance and cost; otherwise verify all candidates
            (reproducible to the node, whatever the machine's load; texts are the same either
            way).
    """

    max_nodes: int = 24
    max_forced: int = 64
    max_positions: int = 6
    adaptive: bool = True

    def __post_init__(self) -> None:
        if self.max_nodes < 0 or self.max_forced < 0 or self.max_positions < 1:
            raise ValueError("node counts must not be negative, max_positions must be positive")


class Planner:
    """Asks drafters, merges what they say, and chooses what to verify.

    `acceptance` and `cost` are learned over a whole generation, and over several if the planner
    is kept. Not to be shared between threads that generate at the same time.
    """

    def __init__(self, drafters: Sequence[Drafter], budget: Budget) -> None:
        self.drafters = tuple(drafters)
        self.budget = budget
        self.acceptance = Acceptance()
        self.cost = CostModel()
        self._token_seconds: dict[str, float] = {}

    def plan(self, contexts: Sequence[DraftContext | None]) -> list[DraftTree]:
        """One tree per row, pruned by the constraint; an empty one where the context is None.

        Now and then none at all, so that the cost of a plain pass stays known.
        """
        if self.budget.adaptive and self.cost.wants_plain:
            return [DraftTree() for _ in contexts]
        trees = [
            DraftTree() if context is None else self._candidates(context, len(contexts))
            for context in contexts
        ]
        survival = [s for tree in trees for s in tree.survival]
        rows = sum(context is not None for context in contexts)
        if not self.budget.adaptive:
            keep = [True] * len(survival)
        else:
            keep = choose_nodes(
                survival,
                [free for tree in trees for free in self._free(tree)],
                cost=self.cost,
                base_tokens=rows,
                base_gain=float(rows),
                max_nodes=self.budget.max_nodes * rows,
            )
        chosen: list[DraftTree] = []
        at = 0
        for tree in trees:
            chosen.append(tree.subset(keep[at : at + len(tree)]))
            at += len(tree)
        return [
            tree if context is None else _pruned(tree, context)
            for tree, context in zip(chosen, contexts, strict=True)
        ]

    def learn(self, tree: DraftTree, reached: int, drawn: int) -> None:
        """The row of node `reached` was used, and `drawn` was drawn there."""
        for child in tree.children(reached):
            self.acceptance.record(
                tree.sources[child], tree.depths[child], tree.tokens[child] == drawn
            )

    def _candidates(self, root: DraftContext, rows: int) -> DraftTree:
        tree = DraftTree()
        most = self.budget.max_nodes + self.budget.max_forced
        least = self._least_survival()
        opened: set[int] = set()
        # (-survival, order of discovery, node): the order makes ties deterministic.
        frontier: list[tuple[float, int, int]] = [(-1.0, 0, DraftTree.ROOT)]
        discovered = 0
        for _ in range(self.budget.max_positions):
            if not frontier or len(tree) >= most:
                break
            negative, _, node = heapq.heappop(frontier)
            if -negative < least:
                break
            if node in opened:
                continue
            opened.add(node)
            context = _at(root, tree, node)
            if context is None or context.remaining <= 1:
                # The row after the last token that may be drawn decides nothing.
                continue
            before = len(tree)
            for drafter in self.drafters:
                draft = self._ask(drafter, context, tree, node, rows)
                if FORCED in draft.sources:  # a tail alone is a guess among others
                    break
            leaves = set(range(before, len(tree))) - {tree.parents[i] for i in range(len(tree))}
            # The last certain forced token is a position too: its tail is only one way on.
            leaves |= {tree.parents[i] for i in range(before, len(tree)) if _starts_tail(tree, i)}
            for leaf in sorted(leaves - opened):
                discovered += 1
                if leaf != DraftTree.ROOT:
                    heapq.heappush(frontier, (-tree.survival[leaf], discovered, leaf))
        return tree

    def _least_survival(self) -> float:
        """A node likelier than this pays for itself in an otherwise empty pass."""
        if not self.budget.adaptive:
            return 0.0
        more = self.cost.seconds(2) - self.cost.seconds(1)
        return max(0.02, more / self.cost.seconds(1))

    def _ask(
        self, drafter: Drafter, context: DraftContext, tree: DraftTree, node: int, rows: int
    ) -> Draft:
        """What `drafter` proposes at `node`, grafted there."""
        guesses = sum(source != FORCED for source in tree.sources)
        room = self.budget.max_nodes - guesses
        if isinstance(drafter, ForcedDrafter):
            room = self.budget.max_forced - (len(tree) - guesses)
        limit = min(room, context.remaining - 1)
        if drafter.costly and self.budget.adaptive:
            if node != DraftTree.ROOT and not self._free(tree)[node]:
                return EMPTY
            limit = draft_length(
                self.acceptance.chance(drafter.name, 0),
                token_cost=self._token_seconds.get(drafter.name, 0.0),
                cost=self.cost,
                base_tokens=rows,
                limit=limit,
            )
        if limit <= 0:
            return EMPTY
        started = time.perf_counter()
        draft = drafter.draft(context, limit)
        if drafter.costly and len(draft):
            spent = (time.perf_counter() - started) / len(draft)
            known = self._token_seconds.get(drafter.name, spent)
            self._token_seconds[drafter.name] = 0.8 * known + 0.2 * min(spent, 3.0 * known)
        self._graft(draft, limit, tree, node, context)
        return draft

    def _graft(
        self, draft: Draft, limit: int, tree: DraftTree, node: int, context: DraftContext
    ) -> None:
        """Hang the first `limit` nodes of `draft` below `node`, without end tokens and what follows
        them: no row after an end token is ever needed."""
        ends = context.matcher.vocabulary.eos_token_ids
        base = 0 if node == DraftTree.ROOT else tree.depths[node]
        deepest = base + context.remaining - 1
        placed: list[int | None] = []
        proposed = zip(draft.tokens, draft.parents, draft.sources, strict=True)
        for token, parent, source in islice(proposed, limit):
            above = node if parent < 0 else placed[parent]
            if above is None or token in ends:
                placed.append(None)
                continue
            depth = 1 if above == DraftTree.ROOT else tree.depths[above] + 1
            if depth > deepest:
                placed.append(None)
                continue
            placed.append(tree.add(above, token, source, self.acceptance.chance(source, depth)))

    def _free(self, tree: DraftTree) -> list[bool]:
        """Forced nodes below nothing but forced nodes are verified whatever they cost, as long
        as the model does spell forced text the canonical way."""
        usual = self.acceptance.chance(FORCED, 0) >= 0.5
        free: list[bool] = []
        for source, parent in zip(tree.sources, tree.parents, strict=True):
            free.append(usual and source == FORCED and (parent < 0 or free[parent]))
        return free


def _pruned(tree: DraftTree, context: DraftContext) -> DraftTree:
    """`tree` without what the constraint forbids, with the masks after its nodes."""
    if not len(tree):
        return tree
    words = context.matcher.vocabulary.mask_words
    tree.masks = np.zeros((len(tree), words), dtype=np.int32)
    allowed = tree_masks(context.matcher, tree.tokens, tree.parents, tree.masks)
    return tree if all(allowed) else tree.subset(allowed)


def _at(root: DraftContext, tree: DraftTree, node: int) -> DraftContext | None:
    """The context after `node`; None if the constraint does not allow the way there."""
    if node == DraftTree.ROOT:
        return root
    path = tree.path(node)
    matcher: Matcher = root.matcher.fork()
    for token in path:
        if not matcher.advance(token):
            return None
    return DraftContext(
        model=root.model,
        matcher=matcher,
        history=root.history,
        prompt_length=root.prompt_length,
        path=(*root.path, *path),
        remaining=root.remaining - len(path),
        row=root.row,
        draw=root.draw,
    )


def _starts_tail(tree: DraftTree, node: int) -> bool:
    parent = tree.parents[node]
    return tree.sources[node] == TAIL and (parent < 0 or tree.sources[parent] != TAIL)
