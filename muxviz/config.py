"""What a multiplexed model is made of, as plain frozen values.

``MuxConfig`` names the parts (backbone, multiplexer, demultiplexer, task) in this project's words;
``BackboneShape`` holds the sizes of the encoder. Neither knows torch, files or published key names:
``muxviz.loading`` translates from and to the published layout.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Any

from muxviz.errors import ConfigError, UnknownVariant
from muxviz.structure import Structure, dense, kept_weights, prunable_size

BACKBONES = ("bert", "electra", "roberta")


@dataclass(frozen=True)
class Part:
    """What is known of a multiplexer or demultiplexer without building it.

    published: its name in released configurations, "" for a part of one's own. is_sum: the mixture
    is a sum of one part per slot. attends: it has attention of its own, so that sentences look at
    each other and padding is mixed in. is_square: its matrices need embeddings as wide as states.
    """

    published: str = ""
    is_sum: bool = False
    attends: bool = False
    is_square: bool = False


MULTIPLEXERS = {
    "identity": Part(),
    "gaussian_hadamard": Part("gaussian_hadamard", is_sum=True),
    "binary_hadamard": Part("binary_hadamard", is_sum=True),
    "random_orthogonal": Part("random_ortho", is_sum=True, is_square=True),
    "low_rank_orthogonal": Part("random_ortho_low_rank", is_sum=True, is_square=True),
    "contextual": Part("gaussian_attention_v2", attends=True),
    "cross_instance": Part("gaussian_attention", attends=True),
}
DEMULTIPLEXERS = {
    "identity": Part(),
    "rsa": Part("index_pos"),
    "index_prefix": Part("index"),
    "mlp": Part("mlp"),
}
SENTENCE_TASKS = ("sequence_classification", "multi_label_classification", "regression")
TASKS = (
    *SENTENCE_TASKS,  # an answer for the whole text: one class, any number of labels, scores
    "token_classification",
    "masked_lm",
    "replaced_token_detection",
    "retrieval",
)
TRAINED_TASKS = tuple(task for task in TASKS if task != "multi_label_classification")
ONE_OF_SEVERAL = ("sequence_classification", "token_classification")  # classes
READOUTS = ("first", "mean")
PADDINGS = ("group", "fixed", "masked")
SHORTEST = 3  # tokens of a text: [CLS], one to read, [SEP]


@dataclass(frozen=True)
class BackboneShape:
    """Sizes of the embedding module and of the encoder.

    Axis letters: V ``vocab_size``, E ``embedding_size``, D ``hidden_size``, H
    ``num_attention_heads``, K ``num_hidden_layers``.
    """

    vocab_size: int  # rows of the word embedding
    hidden_size: int  # D, width inside the encoder
    num_hidden_layers: int  # encoder layers
    num_attention_heads: int  # heads per layer; divides hidden_size
    intermediate_size: int  # width of the feed-forward block
    max_position_embeddings: int  # rows of the position table
    embedding_size: int = 0  # E, width of the embeddings; 0 means hidden_size
    type_vocab_size: int = 2  # segment ids
    layer_norm_eps: float = 1e-12
    pad_token_id: int = 0
    hidden_act: str = "gelu"  # activation of the feed-forward block
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1

    def __post_init__(self) -> None:
        if self.embedding_size == 0:
            object.__setattr__(self, "embedding_size", self.hidden_size)
        for name in (
            "vocab_size",
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "intermediate_size",
            "max_position_embeddings",
            "embedding_size",
            "type_vocab_size",
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ConfigError(f"{name} is {value!r}; expected a whole number of at least 1")
        if self.hidden_size % self.num_attention_heads:
            raise ConfigError(
                f"hidden_size {self.hidden_size} is not a multiple of num_attention_heads "
                f"{self.num_attention_heads}; correct one of them in config.json"
            )


@dataclass(frozen=True)
class MuxConfig:
    """One model: which parts, how many instances, which task.

    A plain (not multiplexed) checkpoint has ``num_instances`` 1 and the identity multiplexer and
    demultiplexer. ``published_class`` is the class name the checkpoint declares, or None for a
    combination that was never published ("ours").
    """

    backbone: str
    task: str
    shape: BackboneShape
    num_instances: int = 1
    multiplexer: str = "identity"
    demultiplexer: str = "identity"
    num_labels: int = 2
    labels: tuple[str, ...] = ()  # names, in order; empty means LABEL_0, LABEL_1, ...
    labels_source: str = ""  # where the names come from
    num_demux_layers: int = 2  # RSA: layers 1..K-1 and the pre-decoder are used
    stored_demux_layers: int = 0  # RSA: layers in the file; 0 means num_demux_layers
    readout: str = "first"  # "mean" pools the demultiplexed positions (ours, never published)
    has_retrieval_head: bool = True
    published_class: str | None = None
    default_padding: str = "group"
    fixed_length: int = 128  # length of padding="fixed"
    structure: Structure | None = None  # what pruning left; None: everything
    extras: dict[str, Any] = field(default_factory=dict, compare=False)  # fields kept for saving

    def __post_init__(self) -> None:
        for name, known in (
            ("backbone", BACKBONES),
            ("multiplexer", MULTIPLEXERS),
            ("demultiplexer", DEMULTIPLEXERS),
            ("task", TASKS),
            ("readout", READOUTS),
            ("default_padding", PADDINGS),
        ):
            if getattr(self, name) not in known:
                raise UnknownVariant(
                    f"unknown {name} {getattr(self, name)!r}; this version knows {', '.join(known)}"
                )
        if not isinstance(self.num_instances, int) or not 1 <= self.num_instances <= 1024:
            raise ConfigError(
                f"num_instances is {self.num_instances!r}; expected a whole number from 1 to 1024"
            )
        if self.num_labels < 1 + (self.task in ONE_OF_SEVERAL):
            raise ConfigError(
                f"task {self.task!r} with num_labels {self.num_labels} has nothing to decide; give "
                "two classes or more (one score is a regression)"
            )
        if self.stored_demux_layers == 0:
            object.__setattr__(self, "stored_demux_layers", self.num_demux_layers)
        if not self.labels:
            names = tuple(f"LABEL_{i}" for i in range(self.num_labels))
            object.__setattr__(self, "labels", names)
            object.__setattr__(self, "labels_source", "none: raw label numbers")
        if len(self.labels) != self.num_labels:
            raise ConfigError(
                f"{len(self.labels)} label names for num_labels {self.num_labels}; give one each"
            )
        self._check_combination()
        self._check_padding()
        self._check_structure()

    def _check_structure(self) -> None:
        left, shape = self.structure, self.shape
        if left is None:
            return
        if len(left.layers) != shape.num_hidden_layers:
            raise ConfigError(
                f"the structure has {len(left.layers)} layers, the model {shape.num_hidden_layers}"
            )
        for name, kept, most in (
            ("hidden", left.hidden, shape.hidden_size),
            ("readout", left.readout, shape.hidden_size),
            *(("heads", each.heads, shape.num_attention_heads) for each in left.layers),
            *(("intermediate", each.intermediate, shape.intermediate_size) for each in left.layers),
        ):
            if any(b <= a for a, b in pairwise(kept)) or (kept and kept[-1] >= most):
                raise ConfigError(
                    f"the structure keeps {name} {list(kept)[:5]} ...; expected rising numbers "
                    f"below {most}"
                )
        if len(left.readout) < shape.hidden_size and self.demultiplexer == "identity":
            raise ConfigError("a plain model has no readout to prune; keep all its dimensions")

    def _check_padding(self) -> None:
        displaced = self.prefix_length if self.cuts_prefix_room else 0
        if not SHORTEST + displaced <= self.fixed_length < 1 << 20:
            raise ConfigError(
                f"fixed_length is {self.fixed_length}; expected {SHORTEST + displaced} tokens or "
                f"more ([CLS], one to read, [SEP]{' and the prefix' if displaced else ''}), and "
                f"fewer than {1 << 20:,}"
            )
        if self.default_padding == "masked" and self.mixes_padding:
            raise ConfigError(
                f"default_padding 'masked' is not defined for the {self.multiplexer} multiplexer: "
                "its own attention mixes padding in; use group or fixed"
            )

    def _check_combination(self) -> None:
        written = [i for i in (self.forced_first_token,) if i is not None]
        if self.prefix_length:
            written += self.reserved_ids
        if written and max(written) >= self.shape.vocab_size:
            raise ConfigError(
                f"{self.demultiplexer} writes token id {max(written)} into its input, but the "
                f"vocabulary has only {self.shape.vocab_size} rows; it needs a larger one"
            )
        if (self.multiplexer == "identity") != (self.demultiplexer == "identity"):
            raise ConfigError(
                f"multiplexer {self.multiplexer!r} with demultiplexer {self.demultiplexer!r}: the "
                "identity parts belong together (a plain model); choose both or neither"
            )
        if self.multiplexer == "identity" and self.num_instances != 1:
            raise ConfigError(
                f"num_instances is {self.num_instances} but there is no multiplexer; a plain model "
                "has num_instances 1"
            )
        if not self.is_multiplexed and (self.backbone, self.task) in (
            ("electra", "masked_lm"),
            ("roberta", "masked_lm"),
        ):
            raise ConfigError(
                f"a plain {self.backbone} masked LM is not supported (its head differs); load a "
                "BERT one, or the ELECTRA discriminator (ElectraForPreTraining)"
            )
        if self.task == "retrieval" and not self.is_multiplexed:
            raise ConfigError("task 'retrieval' needs a multiplexed model; a plain one has no head")
        if self.demultiplexer == "rsa" and self.num_demux_layers < 2:
            raise ConfigError(
                f"num_demux_layers is {self.num_demux_layers}; the RSA demultiplexer needs at "
                "least 2 (the last one is never applied)"
            )
        if (
            self.multiplexer == "contextual"
            and self.demultiplexer == "index_prefix"
            and self.task != "masked_lm"
        ):
            raise ConfigError(
                "the contextual multiplexer with the index-prefix demultiplexer exists only for "
                "masked_lm (elsewhere the prefix has no mask); use the RSA demultiplexer"
            )
        is_square = MULTIPLEXERS[self.multiplexer].is_square
        if is_square and self.shape.embedding_size != self.shape.hidden_size:
            raise ConfigError(
                f"orthogonal multiplexing needs embedding_size equal to hidden_size; got "
                f"{self.shape.embedding_size} and {self.shape.hidden_size}"
            )

    @property
    def kept(self) -> Structure:
        """What the model keeps, also where nothing was pruned."""
        shape = self.shape
        return self.structure or dense(
            hidden=shape.hidden_size,
            heads=shape.num_attention_heads,
            intermediate=shape.intermediate_size,
            layers=shape.num_hidden_layers,
        )

    @property
    def width(self) -> int:
        """Dimensions of the hidden states between layers: D, less what was pruned."""
        return self.shape.hidden_size if self.structure is None else len(self.structure.hidden)

    @property
    def embedding_width(self) -> int:
        """Dimensions of embeddings and mixture: those of the layers, or E of a narrower table."""
        shape = self.shape
        is_one = shape.embedding_size == shape.hidden_size
        return self.width if is_one else shape.embedding_size

    @property
    def readout_width(self) -> int:
        """Dimensions of the demultiplexed states; of a plain model those of the layers."""
        if self.structure is None or self.demultiplexer == "identity":
            return self.width
        return len(self.structure.readout)

    @property
    def read_position(self) -> int | None:
        """Where the one state stands that an answer is read from ([CLS], in or before the text);
        None where answers are read from many.
        """
        if not self.answers_texts or self.readout == "mean":
            return None
        return max(self.prefix_length - 1, 0)

    @property
    def ties_words(self) -> bool:
        """Whether a vocabulary projection is the word embedding."""
        fits = self.shape.embedding_size == self.shape.hidden_size
        left = self.structure
        return self.backbone == "bert" and fits and (left is None or left.ties_words)

    @property
    def sparsity(self) -> float:
        """Share of the encoder's weights pruned away, as CoFi counts; 0 where nothing was."""
        if self.structure is None:
            return 0.0
        shape = self.shape
        head_size = shape.hidden_size // shape.num_attention_heads
        return 1 - kept_weights(self.structure, head_size=head_size) / prunable_size(
            hidden=shape.hidden_size,
            intermediate=shape.intermediate_size,
            layers=shape.num_hidden_layers,
        )

    @property
    def is_multiplexed(self) -> bool:
        """Whether the model has a multiplexer (also at one instance)."""
        return self.multiplexer != "identity"

    @property
    def mixes_padding(self) -> bool:
        """Whether attention of the multiplexer's own reaches padding, whatever the encoder sees."""
        return MULTIPLEXERS[self.multiplexer].attends

    @property
    def answers_texts(self) -> bool:
        """Whether an answer is for the whole text; otherwise it is for its tokens."""
        return self.task in SENTENCE_TASKS

    @property
    def is_pair_aware(self) -> bool:
        """Whether segment ids reach the model, so that sentence pairs are told apart."""
        return not self.is_multiplexed or self.task == "masked_lm"

    @property
    def prefix_length(self) -> int:
        """Positions in front of the tokens: N + 1 for the index prefix, else 0."""
        return self.num_instances + 1 if self.demultiplexer == "index_prefix" else 0

    @property
    def cuts_prefix_room(self) -> bool:
        """Whether the prefix displaces the last tokens, so that the length stays L.

        Published behaviour of MUX-BERT masked LM and MUX-ELECTRA replaced-token detection.
        """
        if self.demultiplexer != "index_prefix":
            return False
        return (self.backbone, self.task) in (
            ("bert", "masked_lm"),
            ("electra", "replaced_token_detection"),
        )

    @property
    def forced_first_token(self) -> int | None:
        """The id written over the first token of every row, or None."""
        if self.demultiplexer == "mlp":
            return 49923 if self.backbone == "roberta" else 101  # 101 with BERT is ours
        if self.demultiplexer != "rsa":
            return None
        sentence_or_token = self.answers_texts or self.task == "token_classification"
        return None if self.backbone == "electra" and sentence_or_token else 101

    @property
    def reserved_ids(self) -> tuple[int, ...]:
        """The index prefix of slot 0's row without its own marker: (filler, ..., end)."""
        if self.backbone == "roberta":
            return (50000, self.shape.vocab_size - 2, 49923)
        return (680, 678, 101)

    @property
    def default_max_length(self) -> int:
        """Tokens (specials included) that fit in the position table beside the prefix."""
        offset = 2 if self.backbone == "roberta" else 0
        return self.shape.max_position_embeddings - offset - self.prefix_length


def field_names(kind: type) -> tuple[str, ...]:
    """Names of the fields of a dataclass, in order."""
    return tuple(f.name for f in fields(kind))
