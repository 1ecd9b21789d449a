"""Bundles: who is eligible where, told by what campaigns have in common instead of edge by edge.

A campaign is eligible in a raw cell (level, group, slot) when it covers the group, is open in the slot
on the group's clock, and its texts fit the level (a text that fits a level fits those above it). Few
campaigns are about single groups; most cover whole regions, where all groups have the same ones. So
the groups of one clock form tiers: single groups, then regions of groups that all wide campaigns
cover alike, then regions of regions. A campaign enters a tier once for each of its nodes there.
Sums over eligible campaigns or cells are then products of small sparse matrices: 5,000 campaigns with
twelve million edges have some twenty thousand entries.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from inventory.supply import Counts
from inventory.timeline import Mask

Indexes = NDArray[np.intp]

# Sums of this many random bits for up to 2**13 campaigns are exact in a double.
_HASH_BITS = 39
# A further tier must spare this part of the entries.
_WORTH_A_TIER = 0.1


@dataclass(frozen=True, slots=True)
class Arcs:
    """A network of flows: campaigns lead to nodes, these to nodes `below` them; nodes with `supply` end it.

    `limit` is the most that a campaign may use of a node, in units; infinite for all.
    """

    supply: Counts
    campaign: Indexes
    node: Indexes
    limit: Counts
    above: Indexes
    below: Indexes


@dataclass(frozen=True, slots=True)
class _Tier:
    """One tier of a clock's groups: `entry` is (level × nodes + node, campaign of the part), `exit` turned.

    `region` leads from a node to its node in the next tier; empty on the last one.
    """

    nodes: int
    entry: csr_array
    exit: csr_array
    region: Indexes

    def gathered(self, values: Counts) -> Counts:
        """Return the sums over each region's nodes; values have the shape (levels, nodes, slots)."""
        order = np.argsort(self.region, kind="stable")
        first = np.searchsorted(self.region[order], np.arange(self.region.max() + 1))
        return np.asarray(np.add.reduceat(values[:, order], first, axis=1))


@dataclass(frozen=True, slots=True)
class _Part:
    """The groups of one clock, the campaigns that cover any of them, when these are open, and the tiers."""

    groups: Indexes
    campaigns: Indexes
    open: Counts
    tiers: tuple[_Tier, ...]


class Bundles:
    """Eligibility of campaigns in raw cells of the shape (levels, groups, slots).

    `covers` is (groups, campaigns), `is_open` (zones, campaigns, slots); `lowest` is each campaign's
    lowest level, `levels` for one whose texts fit nowhere.
    """

    def __init__(
        self, covers: Mask, zone_of_group: Indexes, lowest: Indexes, levels: int, is_open: Mask
    ) -> None:
        self.shape = levels, len(covers), is_open.shape[2]
        self.campaigns = covers.shape[1]
        self._parts = []
        clocks = {zone: is_open[zone].tobytes() for zone in np.unique(zone_of_group).tolist()}
        for clock in dict.fromkeys(clocks.values()):
            zone, *others = (each for each, octets in clocks.items() if octets == clock)
            groups = np.flatnonzero(np.isin(zone_of_group, [zone, *others]))
            some = covers[groups]
            mine = np.flatnonzero(some.any(axis=0) & (lowest < levels))
            if mine.size:
                tiers = tuple(_tiers(some[:, mine], lowest[mine], levels))
                self._parts.append(_Part(groups, mine, is_open[zone][mine].astype(np.float64), tiers))

    def during(self, slots: Indexes) -> "Bundles":
        """Return the same for some slots."""
        found = object.__new__(Bundles)
        found.shape = *self.shape[:2], len(slots)
        found.campaigns = self.campaigns
        found._parts = [
            _Part(each.groups, each.campaigns, each.open[:, slots], each.tiers) for each in self._parts
        ]
        return found

    def alike(self) -> Indexes:
        """Return a class for each slot: in slots of one class the same campaigns are open everywhere."""
        if not self._parts:
            return np.zeros(self.shape[2], dtype=np.intp)
        columns = np.vstack([each.open for each in self._parts]).astype(np.bool_).T
        octets = np.ascontiguousarray(np.packbits(columns, axis=1))
        keys = octets.view(np.dtype((np.void, octets.shape[1])))[:, 0]
        return np.asarray(np.unique(keys, return_inverse=True)[1]).reshape(-1)

    def together(self, raw: Counts, class_of_slot: Indexes) -> tuple[Counts, "Bundles"]:
        """Return supply by raw cell and the bundles, slots of one class taken together."""
        _, first = np.unique(class_of_slot, return_index=True)
        member = np.zeros((len(class_of_slot), len(first)))
        member[np.arange(len(class_of_slot)), class_of_slot] = 1.0
        return raw @ member, self.during(first)

    def spread(self, weight: Counts) -> Counts:
        """Return for each raw cell the sum of its eligible campaigns' weights."""
        found = np.zeros(self.shape)
        for part in self._parts:
            found[:, part.groups] = self._from_above(part, weight)[0]
        return found

    def _from_above(self, part: _Part, weight: Counts) -> list[Counts]:
        """Return for each tier the sum of weights at each of its nodes, from all tiers and levels above."""
        weighted = part.open * weight[part.campaigns][:, None]
        sums: list[Counts] = []
        for tier in reversed(part.tiers):
            here = np.asarray(tier.entry @ weighted).reshape(self.shape[0], tier.nodes, self.shape[2])
            entered = np.cumsum(here, axis=0)
            sums.insert(0, entered + sums[0][:, tier.region] if sums else entered)
        return sums

    def by_slot(self, values: Counts) -> Counts:
        """Return the sums of values over each campaign's eligible raw cells: (campaigns, slots)."""
        found = np.zeros((self.campaigns, self.shape[2]))
        for part in self._parts:
            sums = np.zeros(part.open.shape)
            for tier, beneath in self._beneath(part, values):
                sums += tier.exit @ beneath.reshape(-1, self.shape[2])
            found[part.campaigns] += sums * part.open
        return found

    def gather(self, values: Counts) -> Counts:
        """Return the sum of values over each campaign's eligible raw cells."""
        sums: Counts = self.by_slot(values).sum(axis=1)
        return sums

    def _beneath(self, part: _Part, values: Counts) -> Iterator[tuple[_Tier, Counts]]:
        """Yield each tier with what its nodes hold of `values`, from a level up: (levels, nodes, slots)."""
        beneath = np.cumsum(values[::-1, part.groups], axis=0)[::-1]
        for tier in part.tiers:
            yield tier, beneath
            if tier.region.size:
                beneath = tier.gathered(beneath)

    def arcs(self, supply: Counts) -> Arcs:
        """Return the network that supply by raw cell makes; nodes for which the same are eligible are one."""
        slots = self.shape[2]
        keys = [self._signatures(part) for part in self._parts]
        every, number = np.unique(_flat([each for some in keys for each in some]), return_inverse=True)
        units = np.zeros(len(every))
        above, below, campaign, node = [], [], [], []
        at = 0
        for part, some in zip(self._parts, keys, strict=True):
            lower: tuple[Indexes, Mask, _Tier] | None = None
            for key, (tier, beneath) in zip(some, self._beneath(part, supply), strict=True):
                numbers, holds = number[at : at + key.size].reshape(key.shape), beneath > 0
                at += key.size
                if lower is None:
                    units += np.bincount(
                        numbers.ravel(), weights=supply[:, part.groups].ravel(), minlength=len(every)
                    )
                    above.append(numbers[:-1][holds[1:]])
                    below.append(numbers[1:][holds[1:]])
                else:
                    above.append(numbers[:, lower[2].region][lower[1]])
                    below.append(lower[0][lower[1]])
                rows, entrants = tier.entry.nonzero()
                entry, slot = np.nonzero(holds.reshape(-1, slots)[rows] & (part.open[entrants] > 0))
                campaign.append(part.campaigns[entrants[entry]])
                node.append(numbers.reshape(-1, slots)[rows[entry], slot])
                lower = numbers, holds, tier
        return _arcs(every, units, (_flat(campaign), _flat(node)), (_flat(above), _flat(below)))

    def _signatures(self, part: _Part) -> list[NDArray[np.uint64]]:
        """Return a number for each node of each tier that tells who is eligible there; 0 for nobody."""
        one, two = (self._from_above(part, weight) for weight in _hashes(self.campaigns).T)
        return [_signature(*pair) for pair in zip(one, two, strict=True)]

    def signatures(self) -> NDArray[np.uint64]:
        """Return for each raw cell a number that tells which campaigns are eligible there; 0 for none."""
        return _signature(*(self.spread(weight) for weight in _hashes(self.campaigns).T))


def _hashes(campaigns: int) -> NDArray[np.float64]:
    """Return two whole numbers per campaign whose sums tell sets of campaigns apart."""
    bits = np.random.Generator(np.random.PCG64(0)).integers(0, 1 << _HASH_BITS, (campaigns, 2))
    return bits.astype(np.float64)


def _signature(one: Counts, other: Counts) -> NDArray[np.uint64]:
    return one.astype(np.uint64) * np.uint64(1 << 25) ^ other.astype(np.uint64)


def _arcs(
    keys: NDArray[np.uint64], units: Counts, entries: tuple[Indexes, Indexes], inner: tuple[Indexes, Indexes]
) -> Arcs:
    """Return the network of nodes by their keys, each arc once; where nobody is eligible there is no node."""
    reached = keys > 0
    number = np.cumsum(reached) - 1
    campaign, node = _once(entries[0], entries[1], len(keys))
    some = reached[inner[0]] & (inner[0] != inner[1])
    above, below = _once(inner[0][some], inner[1][some], len(keys))
    limit = np.full(len(campaign), np.inf)
    return Arcs(units[reached], campaign, number[node], limit, number[above], number[below])


def _once(one: Indexes, other: Indexes, others: int) -> tuple[Indexes, Indexes]:
    """Return each pair once."""
    pairs = np.sort(one * others + other)
    pairs = pairs[np.append(True, pairs[1:] != pairs[:-1])] if pairs.size else pairs
    first, second = np.divmod(pairs, others)
    return first, second


def _flat(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate([np.ravel(each) for each in parts]) if parts else np.zeros(0, dtype=np.intp)


def _tiers(covers: Mask, lowest: Indexes, levels: int) -> Iterator[_Tier]:
    """Yield tiers for a clock's groups, as long as one more spares entries."""
    campaigns = np.arange(covers.shape[1])
    while True:
        nodes = len(covers)
        width = covers.sum(axis=0)
        spared, best = _WORTH_A_TIER * float(width.sum()), 0
        most = 1
        while most < nodes:
            wide = width > most
            first, _ = _regions(covers[:, wide])
            entries = width[~wide].sum() + np.count_nonzero(covers[np.ix_(first, wide)]) + nodes
            if width.sum() - entries > spared:
                spared, best = float(width.sum() - entries), most
            most *= 2
        wide = width > best if best else np.zeros(len(width), dtype=np.bool_)
        node, entrant = np.nonzero(covers[:, ~wide])
        entrant = campaigns[~wide][entrant]
        entry = csr_array(
            (np.ones(len(node)), (lowest[entrant] * nodes + node, entrant)),
            shape=(levels * nodes, len(lowest)),
        )
        if not best:
            yield _Tier(nodes, entry, entry.T.tocsr(), np.zeros(0, dtype=np.intp))
            return
        first, region = _regions(covers[:, wide])
        yield _Tier(nodes, entry, entry.T.tocsr(), region)
        covers, campaigns = covers[np.ix_(first, wide)], campaigns[wide]


def _regions(covers: Mask) -> tuple[Indexes, Indexes]:
    """Return the first node of each set of nodes that the same campaigns cover, and each node's set."""
    octets = np.ascontiguousarray(np.packbits(covers, axis=1))
    if not octets.shape[1]:
        return np.zeros(1, dtype=np.intp), np.zeros(len(covers), dtype=np.intp)
    keys = octets.view(np.dtype((np.void, octets.shape[1])))[:, 0]
    _, first, region = np.unique(keys, return_index=True, return_inverse=True)
    return first, np.asarray(region).reshape(-1)
