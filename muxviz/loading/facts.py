"""What a user should know of a model before reading its numbers, in plain sentences.

Each fact is published behaviour of the released classes (or ours, where it says so) and is listed
only where it applies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from muxviz.config import MULTIPLEXERS, MuxConfig


@dataclass(frozen=True)
class Fact:
    """A short title and one sentence."""

    title: str
    sentence: str


def model_facts(config: MuxConfig) -> tuple[Fact, ...]:
    """The facts that apply to ``config``, in the order of the forward pass."""
    if not config.is_multiplexed:
        return tuple(_pruning_facts(config))
    parts = (
        _combination_facts,
        _input_facts,
        _encoder_facts,
        _pruning_facts,
        _demultiplexer_facts,
        _answer_facts,
    )
    return tuple(fact for part in parts for fact in part(config))


LINEAR = {name for name, part in MULTIPLEXERS.items() if part.is_sum}
RELEASED = {  # backbone: multiplexers and demultiplexers of its released classes
    "bert": (LINEAR | {"contextual"}, {"rsa", "index_prefix"}),
    "electra": (LINEAR, {"rsa", "index_prefix"}),
    "roberta": (LINEAR - {"low_rank_orthogonal"}, {"index_prefix", "mlp"}),
}


def _combination_facts(config: MuxConfig) -> Iterator[Fact]:
    multiplexers, demultiplexers = RELEASED[config.backbone]
    if (config.backbone, config.task) == ("electra", "replaced_token_detection"):
        multiplexers = multiplexers | {"cross_instance"}
    if config.multiplexer not in multiplexers or config.demultiplexer not in demultiplexers:
        yield Fact(
            "combination of ours",
            f"{config.backbone} with {config.multiplexer} and {config.demultiplexer} was never "
            "released; it runs here as the sum of its parts.",
        )


def _input_facts(config: MuxConfig) -> Iterator[Fact]:
    num = config.num_instances
    if config.prefix_length:
        filler, first, end = config.reserved_ids
        last = first - num + 1
        markers = str(first) if num == 1 else f"{first} down to {last}"
        yield Fact(
            "index prefix",
            f"Every text gets {num + 1} positions in front: token {filler} repeated, at the slot's "
            f"own place one of {markers}, and {end} at the end.",
        )
    if config.cuts_prefix_room:
        yield Fact(
            "last tokens displaced",
            f"The prefix does not lengthen the input: the last {config.prefix_length} tokens of "
            "every text are dropped to make room for it.",
        )
    if config.forced_first_token is not None:
        yield Fact(
            "first token forced",
            f"The first token of every text is replaced by id {config.forced_first_token}, "
            "whatever it was.",
        )
    if not config.is_pair_aware:
        yield Fact(
            "segment ids ignored",
            "Segment ids never reach the model, so the two halves of a sentence pair are told "
            "apart only by the separator between them.",
        )


def _encoder_facts(config: MuxConfig) -> Iterator[Fact]:
    yield Fact(
        "embeddings applied twice",
        "Positions, segment 0 and the embedding norm are applied to every text, and again to the "
        "mixture of the texts.",
    )
    yield Fact(
        "padding not masked",
        "The encoder sees no attention mask: padding is mixed in and attended to, so the padded "
        "length changes the answers.",
    )
    if config.multiplexer == "contextual" and not config.answers_texts:
        yield Fact(
            "padding mixed across slots",
            "The attention across the slots hides padded slots in sentence tasks only; here they "
            "take part.",
        )


def _pruning_facts(config: MuxConfig) -> Iterator[Fact]:
    left, whole = config.structure, config.shape.hidden_size
    if left is None:
        return
    yield Fact(
        "pruned",
        f"{config.sparsity:.1%} of the encoder's weights are cut away, counted as CoFi counts: "
        "matrices of the encoder, without embeddings, multiplexer, demultiplexer and heads.",
    )
    if len(left.hidden) < whole:
        yield Fact(
            "norms over kept dimensions",
            f"{len(left.hidden)} of {whole} hidden dimensions are left, and every norm over them "
            "runs over these only.",
        )
    blocks = (
        ("attention", [i for i, layer in enumerate(left.layers, 1) if not layer.heads]),
        ("feed-forward", [i for i, layer in enumerate(left.layers, 1) if not layer.intermediate]),
    )
    skipped = [f"{name} of {_layers(gone)}" for name, gone in blocks if gone]
    if skipped:
        yield Fact(
            "blocks skipped",
            f"Nothing is left of the {' and the '.join(skipped)}: there the input is passed on "
            "as it is, without the block's norm.",
        )
    if not left.is_numbered:
        yield Fact(
            "numbers unknown",
            "A released pruned file stores what is left without saying which of the unpruned "
            "model's heads and dimensions these were; here they are numbered from 0.",
        )
    is_released = not left.is_numbered or not left.ties_words
    if is_released and config.is_multiplexed and len(left.hidden) < whole:
        yield Fact(
            "not the masked model",
            "With hidden dimensions pruned, the released code's masked model, which is the one "
            "that was trained, gives other answers than the cut one that it evaluates; this is "
            "the cut one.",
        )


def _layers(numbers: list[int]) -> str:
    return f"layer{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"


def _demultiplexer_facts(config: MuxConfig) -> Iterator[Fact]:
    if config.demultiplexer != "rsa":
        return
    yield Fact(
        "dropout where a layer norm was meant",
        "The released RSA demultiplexer looks up a dropout in place of its layer norm, so the "
        f"task path applies {config.num_demux_layers - 1} of {config.num_demux_layers} layers "
        "without norms; kept, because the weights were trained this way.",
    )
    if config.has_retrieval_head and config.backbone != "electra" and config.num_demux_layers > 2:
        yield Fact(
            "retrieval head ignores K",
            "The retrieval head always uses demultiplexer layers 1 and 2, whatever "
            f"num_hidden_demux_layers ({config.num_demux_layers}) says.",
        )


def _answer_facts(config: MuxConfig) -> Iterator[Fact]:
    sentence = config.answers_texts
    if config.task == "masked_lm":
        yield Fact(
            "read by the retrieval head",
            "Masked-LM answers come from the retrieval head; the demultiplexer's own output is "
            "not used for them.",
        )
    if config.readout == "mean" and sentence:
        yield Fact(
            "mean readout",
            "A text is read as the mean of its demultiplexed tokens: ours, never published (the "
            "published models read one position).",
        )
    if not sentence and config.task != "token_classification":
        return
    if config.backbone == "roberta":
        yield Fact(
            "incomplete groups dropped in the released scripts",
            f"There, texts that do not fill a group of {config.num_instances} get no answer.",
        )
    else:
        yield Fact(
            "random fillers in the released scripts",
            f"There, a group of fewer than {config.num_instances} texts is filled up with randomly "
            "chosen rows, texts and masks drawn separately, so published scores vary between runs.",
        )
