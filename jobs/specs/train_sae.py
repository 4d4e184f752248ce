"""Train dictionaries: several hooks and configurations on one stream of activations."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import BeforeValidator, Field, PositiveFloat, PositiveInt, model_validator

from jobs.names import Hook, joined_label, model_slug, parse_hooks
from jobs.specs.base import Spec
from jobs.specs.sizes import Bytes
from store.ids import check_id

if TYPE_CHECKING:
    from store import Workspace


def _as_list(value: object) -> object:
    """One value means a list of one; a comma separates several."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value if isinstance(value, list | tuple) else [value]


Listed = BeforeValidator(_as_list)
Names = Annotated[list[str], Listed, Field(min_length=1)]
Counts = Annotated[list[PositiveInt], Listed, Field(min_length=1)]
Rates = Annotated[list[PositiveFloat], Listed, Field(min_length=1)]
Shares = Annotated[
    list[Annotated[float, Field(gt=0, le=1)]], Listed, Field(min_length=1, max_length=64)
]
Seeds = Annotated[list[int], Listed, Field(min_length=1)]


KEYS: dict[str, tuple[str, ...]] = {
    "standard": ("sparsity",),
    "gated": ("sparsity",),
    "topk": ("k",),
    "batchtopk": ("k",),
    "jumprelu": ("sparsity", "bandwidth", "penalty"),
    "matryoshka": ("k", "prefixes"),
    "transcoder": ("k", "skip"),
    "crosscoder": ("k",),
}
"""Keys that belong to some architectures only; an architecture has either a k or a sparsity."""
SPARSITY = {"standard": 0.1, "gated": 0.5, "jumprelu": 0.02}
"""λ where none is given."""


class Configuration(NamedTuple):
    """One dictionary to train."""

    dictionary: str
    """Its id."""
    hook: Hook
    architecture: str
    d_sae: int
    k: int
    """Active features a token; 0 where the architecture has no such number."""
    sparsity: float
    """Weight of the sparsity penalty; 0 where the architecture has none."""
    options: dict[str, Any]
    """What the architecture's class is made with beside its sizes."""
    learning_rate: float
    seed: int
    source: Hook | None = None
    """What it reads, where that is not what it writes at `hook`."""
    joined: tuple[Hook, ...] = ()
    """The sources of a crosscoder: its hooks in the model, then in the other model; `hook` is the
    first."""


class TrainSae(Spec):
    """Spec of ``train_sae``."""

    kind: ClassVar[str] = "train_sae"
    says: ClassVar[str] = (
        "Trains a dictionary for every hook and configuration, on one forward pass of the model."
    )

    model: str = Field("tiny", description="tiny, smollm2, a GGUF file, a folder or a hub name")
    revision: str | None = Field(None, description="revision of a hub model")
    corpus: str = Field("docs:", description="docs:, file:PATH, hf:NAME, grammar: or a corpus id")
    other_model: str | None = Field(
        None, description="second model of the same tokenizer and width, for crosscoder"
    )
    other_revision: str | None = Field(None, description="its revision on the hub")
    hooks: Names = Field(
        description="hook points, e.g. L12.resid_post,L12.mlp_out; + joins some for one crosscoder"
    )
    architecture: Annotated[
        list[
            Literal[
                "standard",
                "gated",
                "topk",
                "batchtopk",
                "jumprelu",
                "matryoshka",
                "transcoder",
                "crosscoder",
            ]
        ],
        Listed,
        Field(min_length=1),
    ] = Field(["topk"], description="dictionary architectures")
    d_sae: Counts = Field([4096], description="features in a dictionary")
    k: Counts = Field([32], description="active features a token (topk), or their mean (others)")
    sparsity: Rates | None = Field(
        None,
        description="weight λ of the penalty, where mean ‖x‖² = d: λ√d Σ f‖d‖ (standard), "
        "λ√d Σ gate (gated), λd L0 (jumprelu) (default: 0.1; 0.5; 0.02)",
    )
    bandwidth: PositiveFloat = Field(
        0.5,
        le=10,
        description="width ε in which a threshold learns, where mean ‖x‖² = d (jumprelu)",
    )
    penalty: Literal["l0", "tanh"] = Field("l0", description="kind of sparsity penalty (jumprelu)")
    prefixes: Shares = Field(
        [0.0625, 0.125, 0.25, 0.5, 1.0],
        description="shares of the features that reconstruct on their own, ascending (matryoshka)",
    )
    skip: bool = Field(
        False, description="a linear map from input to output beside the features (transcoder)"
    )
    learning_rate: Rates = Field([1e-3], description="peak learning rate")
    seed: Seeds = Field([0], description="seeds of where dictionaries start; each makes its own")
    tokens: PositiveInt = Field(2_000_000, description="tokens the model reads, repeats included")
    passes: Annotated[int, Field(ge=1, le=100)] = Field(
        1,
        description="times that activations are learned from, buffer by buffer: a second pass "
        "costs no forward pass of the model",
    )
    corpus_tokens: PositiveInt | None = Field(
        None, description="distinct tokens to read from the corpus (default: as many as tokens)"
    )
    text_column: str = Field("text", description="column or key that holds the text (file:, hf:)")
    context: Annotated[int, Field(ge=8)] = Field(128, description="tokens in a document")
    packing: bool = Field(True, description="pack short texts together, or keep each apart")
    held_out: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.1, description="share of texts kept for evaluation"
    )
    batch: PositiveInt = Field(2048, description="tokens in an optimiser step")
    micro_batch: PositiveInt | None = Field(
        None,
        description="tokens of a step worked on at once, their gradients added up (default: all; "
        "halved whenever a GPU's memory is full)",
    )
    buffer: PositiveInt = Field(65_536, description="tokens in the mixing buffer")
    warm_up: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.05, description="share of training with rising learning rate"
    )
    decay: Annotated[float, Field(ge=0, le=1)] = Field(
        0.2, description="share of training with falling learning rate, at its end"
    )
    dead_after: PositiveInt | None = Field(
        None,
        description="tokens without firing after which a feature counts as dead "
        "(default: tokens/64, a million at most)",
    )
    aux_k: int | None = Field(
        None,
        ge=0,
        description="dead features that help reconstruct the error (default: d_in/2, 0 for topk)",
    )
    aux_weight: Annotated[float, Field(ge=0)] = Field(1 / 32, description="weight of that loss")
    reseed: bool = Field(True, description="re-seed dead features from badly reconstructed tokens")
    norm_limit: PositiveFloat = Field(
        10.0,
        description="leave out activations longer than this times the median (attention sinks)",
    )
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="precision of the model's forward pass"
    )
    cache: Bytes | None = Field(
        None,
        description="keep activations on disk, in all at most this much, e.g. 4GB: a later job "
        "that reads the same text at the same hooks does not run the model (default: keep none)",
    )
    cached: Names | None = Field(
        None,
        description="ids of activations that earlier jobs kept (`saetui gc --list`), one for each "
        "hook: these are read, and the job is refused where they are not of its model and text",
    )
    checkpoint_every: PositiveInt = Field(200_000, description="tokens between checkpoints")

    @model_validator(mode="after")
    def _checked(self) -> TrainSae:
        for text in self.hooks:
            self._check_sources(text)
        self._refuse_what_is_not_used()
        used = {key for one in self.architecture for key in KEYS[one]}
        if "k" in used and max(self.k) > min(self.d_sae):
            raise ValueError(
                f"k={max(self.k)} asks for more active features than d_sae={min(self.d_sae)} has"
            )
        if "prefixes" in used:
            self._check_prefixes()
        for configuration in self.configurations():
            check_id(configuration.dictionary, "dictionary id")
        return self

    def _check_sources(self, text: str) -> None:
        """Whether every architecture asked for can be trained at what `text` names."""
        first, *more = parse_hooks(text)
        if "transcoder" in self.architecture and (more or first.site != "mlp_out"):
            raise ValueError(
                f"architecture=transcoder writes what an MLP writes, so hooks={text} is no "
                f"place for it; ask for hooks=L{first.layer}.mlp_out (it reads "
                f"L{first.layer}.mlp_in)"
            )
        alone = [name for name in self.architecture if name != "crosscoder"]
        if alone and more:
            raise ValueError(
                f"hooks={text} joins hooks for one crosscoder, and architecture={alone[0]} reads "
                f"one hook; ask for architecture=crosscoder, or hooks={text.replace('+', ',')}"
            )
        if alone and (self.other_model or self.other_revision):
            raise ValueError(
                f"other_model has no meaning for architecture={alone[0]}; it belongs to crosscoder"
            )
        if not alone and not more and not self.other_model:
            raise ValueError(
                "architecture=crosscoder reads several activations of a token, and "
                f"hooks={text} is one; join hooks with +, e.g. "
                f"hooks={text}+L{first.layer + 1}.{first.place}, or give other_model"
            )
        if self.other_revision and not self.other_model:
            raise ValueError("other_revision has no meaning without other_model")

    def _refuse_what_is_not_used(self) -> None:
        """A key that none of the architectures has would be a wish without effect."""
        used = {key for one in self.architecture for key in KEYS[one]}
        for key in dict.fromkeys(key for keys in KEYS.values() for key in keys):
            default = type(self).model_fields[key].default
            if key not in used and getattr(self, key) != default:
                owners = ", ".join(name for name, keys in KEYS.items() if key in keys)
                chosen = ",".join(self.architecture)
                raise ValueError(
                    f"{key} has no meaning for architecture={chosen}; it belongs to {owners}"
                )

    def _check_prefixes(self) -> None:
        if sorted(set(self.prefixes)) != self.prefixes:
            shown = ",".join(f"{share:g}" for share in self.prefixes)
            raise ValueError(f"prefixes={shown} must ascend, e.g. prefixes=0.125,0.25,0.5,1")
        for d_sae in self.d_sae:
            widths = self._widths(d_sae)
            if widths[0] < 1 or len(set(widths)) < len(widths):
                raise ValueError(
                    f"prefixes of d_sae={d_sae} come to {', '.join(map(str, widths))} features; "
                    "each must hold more than the one before"
                )

    def _widths(self, d_sae: int) -> list[int]:
        """Features in each prefix."""
        return [round(share * d_sae) for share in self.prefixes]

    def configurations(self) -> list[Configuration]:
        """Every dictionary to train: the product of the lists, without repeats, in order."""
        made: dict[str, Configuration] = {}
        for text, architecture, d_sae, rate, seed in product(
            self.hooks, self.architecture, self.d_sae, self.learning_rate, self.seed
        ):
            hooks = parse_hooks(text)
            hook = hooks[0]
            for k, sparsity in self._strengths(architecture):
                tail = f"k{k}" if k else f"l{sparsity:g}"
                tail += "-skip" if architecture == "transcoder" and self.skip else ""
                rate_tag = f"-lr{rate:g}" if len(self.learning_rate) > 1 else ""
                plain = f"{architecture}-{d_sae}-{tail}{rate_tag}-s{seed}"
                last = f"{self.name}-{plain}" if self.name else plain
                dictionary = f"{self._models()}/{joined_label(hooks)}/{last}"
                joined = self._joined(hooks) if architecture == "crosscoder" else ()
                made[dictionary] = Configuration(
                    *(dictionary, hook, architecture, d_sae, k, sparsity),
                    self._options(architecture, d_sae, k)
                    | ({"n_sources": len(joined)} if joined else {}),
                    *(rate, seed),
                    Hook(hook.layer, "mlp_in") if architecture == "transcoder" else None,
                    joined,
                )
        return list(made.values())

    def _models(self) -> str:
        """The first part of ids: the model, or both."""
        other = ""
        if self.other_model:
            revision = f"@{self.other_revision}" if self.other_revision else ""
            other = f"+{model_slug(self.other_model + revision)}"
        return model_slug(self.model) + other

    def _joined(self, hooks: tuple[Hook, ...]) -> tuple[Hook, ...]:
        """All sources: `hooks` in the model, then in the other one."""
        others = tuple(hook._replace(other=True) for hook in hooks) if self.other_model else ()
        return hooks + others

    def every_hook(self) -> list[Hook]:
        """All hooks that are read, but those of the other model."""
        return list(dict.fromkeys(hook for text in self.hooks for hook in parse_hooks(text)))

    def places(self) -> list[Hook]:
        """Everything that is read, of both models, what transcoders read included."""
        each = (one.joined or (one.source, one.hook) for one in self.configurations())
        return list(dict.fromkeys(hook for hooks in each for hook in hooks if hook))

    def _strengths(self, architecture: str) -> list[tuple[int, float]]:
        if "k" in KEYS[architecture]:
            return [(k, 0.0) for k in self.k]
        return [(0, sparsity) for sparsity in self.sparsity or [SPARSITY[architecture]]]

    def _options(self, architecture: str, d_sae: int, k: int) -> dict[str, Any]:
        values = {
            "k": k,
            "bandwidth": self.bandwidth,
            "penalty": self.penalty,
            "prefixes": self._widths(d_sae),
            "skip": self.skip,
        }
        return {key: values[key] for key in KEYS[architecture] if key in values}

    def check(self, ws: Workspace) -> None:
        """Looks at the model, its hooks, the corpus, and whether the dictionaries fit in memory."""
        from jobs.beforehand import check_cached, check_corpus, check_memory, check_model
        from jobs.specs.crosscoder import check_one_width

        hooks = [hook.label for hook in self.every_hook()]
        shape = check_model(self.model, self.revision, hooks, self.context)
        other = None
        if self.other_model:
            other = check_model(self.other_model, self.other_revision, hooks, self.context)
            self._check_same_tokens()
        for one in self.configurations():
            models = [(hook, other if hook.other else shape) for hook in one.joined]
            check_one_width({hook: model and model.width(hook) for hook, model in models})
        if self.cached:
            check_cached(ws, self.cached, self.model, [at.label for at in self.places()])
        check_corpus(ws, self.corpus, self.model, self.text_column)
        if shape and shape.d_model:
            sources = max(1, min(len(one.joined) for one in self.configurations()))
            check_memory(shape.d_model * sources, [one.d_sae for one in self.configurations()])

    def _check_same_tokens(self) -> None:
        from jobs.model.vocabulary import check_same_tokens, vocabulary

        assert self.other_model
        own, theirs = vocabulary(self.model), vocabulary(self.other_model)
        if own and theirs:
            check_same_tokens(self.model, self.other_model, own, theirs)

    def outputs(self) -> list[str]:
        """Ids of the dictionaries to train."""
        return [configuration.dictionary for configuration in self.configurations()]
