"""Compiles a circuit and its decoys into the weights of a GPT-2."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from jobs.model.threads import threads
from jobs.model.truth.circuits import either, induction, ioi, two_hop, xor
from jobs.model.truth.circuits.circuit import Circuit
from jobs.model.truth.decoys import Decoys
from jobs.model.truth.listed import LISTED, Listed
from jobs.model.truth.parts import Head, Mlp
from jobs.model.truth.room import Room

CIRCUITS: dict[str, Circuit] = {
    "induction": induction.CIRCUIT,
    "ioi": ioi.CIRCUIT,
    "two_hop": two_hop.CIRCUIT,
    "xor": xor.CIRCUIT,
    "sharp": induction.SHARP,
    "either": either.CIRCUIT,
}
_D_MLP = 48
_LOGIT = 10.0
"""Logit of a token for one unit of its answer direction."""


class Plan(NamedTuple):
    """A truth model before it is weights."""

    listed: Listed
    circuit: Circuit
    room: Room
    heads: dict[tuple[int, int], Head]
    """By layer and head."""
    mlps: dict[int, Mlp]
    """By layer."""
    places: Mapping[str, str]
    """The true components, by the circuit's names: ``L0.H3``, ``L1.mlp``."""


@cache
@threads(1)
def plan(name: str) -> Plan:
    """The truth model called `name` (without ``truth:``); the same every time."""
    listed = LISTED[name]
    circuit = CIRCUITS[listed.circuit]
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    n = len(circuit.tokens)
    sizes = {"token": n, "pos": listed.context, "answer": n, **circuit.subspaces}
    room = Room(listed.d_model, sizes, generator)
    heads, mlps, places = _true(listed, circuit, room, generator)
    n_decoys = listed.n_layers * (listed.n_heads + 1) - len(places)
    decoys = Decoys(room, circuit.read, n_decoys, generator)
    for layer in range(listed.n_layers):
        for head in range(listed.n_heads):
            if (layer, head) not in heads:
                heads[layer, head] = decoys.head(layer, listed.d_head)
        if layer not in mlps:
            mlps[layer] = decoys.mlp(layer)
    return Plan(listed, circuit, room, heads, mlps, places)


def _true(
    listed: Listed, circuit: Circuit, room: Room, generator: torch.Generator
) -> tuple[dict[tuple[int, int], Head], dict[int, Mlp], dict[str, str]]:
    """The true components where they stand: heads at a number drawn for each."""
    heads: dict[tuple[int, int], Head] = {}
    mlps: dict[int, Mlp] = {}
    places: dict[str, str] = {}
    for part, (depth, what) in circuit.parts(room).items():
        layer = depth + listed.early
        if isinstance(what, Mlp):
            mlps[layer], places[part] = what, f"L{layer}.mlp"
            continue
        order = torch.randperm(listed.n_heads, generator=generator).tolist()
        number = next(h for h in order if (layer, h) not in heads)
        heads[layer, number], places[part] = what, f"L{layer}.H{number}"
    return heads, mlps, places


@threads(1)
def compiled(made: Plan) -> Any:
    """The plan as a ``GPT2LMHeadModel`` in fp32."""
    from transformers import GPT2Config, GPT2LMHeadModel

    listed, room, n = made.listed, made.room, len(made.circuit.tokens)
    config = GPT2Config(
        vocab_size=n,
        n_positions=listed.context,
        n_embd=listed.d_model,
        n_layer=listed.n_layers,
        n_head=listed.n_heads,
        n_inner=_D_MLP,
        activation_function="relu",
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        tie_word_embeddings=False,
        bos_token_id=0,
        eos_token_id=0,
    )
    model = GPT2LMHeadModel(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        body = model.transformer
        body.wte.weight.copy_(room["token"])
        body.wpe.weight.copy_(room["pos"] + room.constant)
        for norm in (body.ln_f, *(n for b in body.h for n in (b.ln_1, b.ln_2))):
            norm.weight.fill_(room.gain)
        for layer, block in enumerate(body.h):
            for head in range(listed.n_heads):
                _place_head(block.attn, head, listed.d_head, made.heads[layer, head])
            _place_mlp(block.mlp, made.mlps[layer])
        model.lm_head.weight.copy_(_LOGIT * room["answer"])
    return model.eval().requires_grad_(False)


def _place_head(attention: Any, number: int, d_head: int, head: Head) -> None:
    d = attention.c_proj.weight.shape[1]
    at = 0
    for term in head.terms:
        rank = term.key.shape[1]
        columns = slice(number * d_head + at, number * d_head + at + rank)
        scale = term.strength * math.sqrt(d_head)
        attention.c_attn.weight[:, columns] = scale * term.query
        attention.c_attn.bias[columns] = scale * term.query_bias
        _columns(attention.c_attn.weight, d, columns).copy_(term.key)
        at += rank
    assert max(at, head.value.shape[1]) <= d_head, "more directions than a head has"
    own = slice(number * d_head, number * d_head + head.value.shape[1])
    _columns(attention.c_attn.weight, 2 * d, own).copy_(head.value)
    if head.value_bias is not None:
        attention.c_attn.bias[2 * d + own.start : 2 * d + own.stop] = head.value_bias
    attention.c_proj.weight[own] = head.out


def _columns(weight: Float[Tensor, "d n"], shift: int, own: slice) -> Float[Tensor, "d r"]:
    return weight[:, shift + own.start : shift + own.stop]


def _place_mlp(mlp: Any, what: Mlp) -> None:
    hidden = what.into.shape[1]
    mlp.c_fc.weight[:, :hidden] = what.into
    mlp.c_fc.bias[:hidden] = what.into_bias
    mlp.c_proj.weight[:hidden] = what.out
    mlp.c_proj.bias.copy_(what.out_bias)
