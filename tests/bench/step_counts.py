"""What a training step must multiply and move, counted: the least that its algorithm allows.

B tokens, d dimensions, m features, n entries that fire (k·B, or 2√d·B where a penalty decides and
training begins), s bytes of an encoder's number (2 in bfloat16, else 4); weights are float32.

Ours:
    flops, low    2Bdm                     the encoder's product
    flops, full   2nd·q                    q sparse products: 1 chosen anew in float32 (bfloat16
                                           only), 1 x̂, 1 ∂L/∂f, 2 gradients; gated: 3, 2 and 2
    bytes         sBm·2                    pre-activations written, and read to choose
                + 4nd·q + 4Bd·(q + 2)      a row gathered for every entry, a batch of rows besides
                + W                        weights
Dense:
    flops, low    10Bdm (gated 14Bdm)      encoder, decoder, ∂L/∂f, two gradients of weights
    bytes         sBm·10 (gated 16)        z and f written, z read to choose, f twice, ∂L/∂f
                                           written and masked, ∂L/∂z read once more
                + 4Bd·6 + W                batches
                + 2·3s·md + 2(4 + s)md     both matrices read thrice; cast once (bfloat16 only)
sparsify:
    flops         2Bdm low, 2nd·4 full     no value is computed anew
    bytes         sBm·3 + 4nd·6 + 4Bd·5 + W    ReLU apart; outer products written before they are
                                           summed

Weights, of which there are p = 2md:
    W = 4p (gradients written) + o·p + u
    o             28 for Adam (four read, three written), 24 for sparsify's schedule-free descent
    u             32md where directions are held at length one (gradient and weights read twice and
                  once written; then read twice and once written), 16md for a penalty on norms
    ours and sparsify's besides: s·md to read the encoder, (4 + s)md to cast it (bfloat16 only)

Elementwise work is counted by the bytes that it moves alone. Gathered rows count as though no cache
held them, so a share of the bandwidth above one says that one did.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from tests.bench.peers_step import Size

PENALISED = ("standard", "gated", "jumprelu")


class Work(NamedTuple):
    """Of one step."""

    low: float
    """FLOPs in the encoder's precision."""
    full: float
    """FLOPs in float32."""
    moved: float
    """Bytes read or written."""


class Limits(NamedTuple):
    """What the device does at most, measured."""

    low: float
    """FLOP/s in the encoder's precision."""
    full: float
    """FLOP/s in float32."""
    moved: float
    """Bytes read or written a second."""


def entries(size: Size, k: int) -> float:
    """n."""
    penalised = size.architecture in PENALISED
    return size.batch * min(round(2 * math.sqrt(size.d)) if penalised else k, size.m)


def ours(size: Size, k: int, s: int) -> Work:
    """The sparse step."""
    gated, refines = size.architecture == "gated", s < 4
    q, n, wide = 7 if gated else 4 + refines, entries(size, k), size.d * size.m
    moved = 2 * s * size.batch * size.m + 4 * n * size.d * q + 4 * size.batch * size.d * (q + 2)
    copy = 8 * wide if refines else 4 * wide
    return Work(2 * size.batch * wide, 2 * n * size.d * q, moved + copy + _weights(size, 28))


def dense(size: Size, k: int, s: int) -> Work:
    """Products of whole matrices."""
    gated, wide = size.architecture == "gated", size.d * size.m
    activations = (16 if gated else 10) * s * size.batch * size.m + 24 * size.batch * size.d
    matrices = 2 * (4 + 4 * s) * wide if s < 4 else 24 * wide
    flops = (14 if gated else 10) * size.batch * wide
    return Work(flops, 0.0, activations + matrices + _weights(size, 28))


def sparsify(size: Size, k: int, s: int) -> Work:
    """Its kernels."""
    n, wide = entries(size, k), size.d * size.m
    moved = 3 * s * size.batch * size.m + 24 * n * size.d + 20 * size.batch * size.d
    copy = 8 * wide if s < 4 else 4 * wide
    return Work(2 * size.batch * wide, 8 * n * size.d, moved + copy + _weights(size, 24))


WORK = {"saetui": ours, "dense": dense, "sparsify": sparsify}


def _weights(size: Size, optimiser: int) -> float:
    """W."""
    wide = size.d * size.m
    kept = 16 if size.architecture == "standard" else 32
    return (2 * (4 + optimiser) + kept) * wide


def shares(work: Work, limits: Limits, seconds: float) -> dict[str, float]:
    """How much of the time a step took its products would take at the device's limit, and how much
    its bytes would.
    """
    products = work.low / limits.low + work.full / limits.full
    return {"of_matmul": products / seconds, "of_bandwidth": work.moved / limits.moved / seconds}
