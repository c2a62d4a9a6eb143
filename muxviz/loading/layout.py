"""Published key names and ours: one table, read in both directions.

The only module that knows the released classes' names. ``published_names(config, key)`` lists every
name under which a released file may hold one of our tensors; the first is the canonical one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from muxviz.config import DEMULTIPLEXERS, MULTIPLEXERS, MuxConfig

MUXING_VARIANTS = {part.published: name for name, part in MULTIPLEXERS.items() if part.published}
DEMUXING_VARIANTS = {
    part.published: name for name, part in DEMULTIPLEXERS.items() if part.published
}


@dataclass(frozen=True)
class PublishedClass:
    """Backbone and task of a class name found in ``architectures``."""

    backbone: str
    task: str
    is_multiplexed: bool


PUBLISHED_CLASSES = {
    "MuxedBertForSequenceClassification": PublishedClass("bert", "sequence_classification", True),
    "MuxedBertForTokenClassification": PublishedClass("bert", "token_classification", True),
    "MuxedBertForMaskedLM": PublishedClass("bert", "masked_lm", True),
    "MuxedElectraForSequenceClassification": PublishedClass(
        "electra", "sequence_classification", True
    ),
    "MuxedElectraForTokenClassification": PublishedClass("electra", "token_classification", True),
    "MuxedElectraForPreTraining": PublishedClass("electra", "replaced_token_detection", True),
    "MuxedElectraForMaskedLM": PublishedClass("electra", "masked_lm", True),
    "RobertaSequenceClassificationMuxed": PublishedClass(
        "roberta", "sequence_classification", True
    ),
    "RobertaTokenClassificationMuxed": PublishedClass("roberta", "token_classification", True),
    "BertForSequenceClassification": PublishedClass("bert", "sequence_classification", False),
    "BertForTokenClassification": PublishedClass("bert", "token_classification", False),
    "BertForMaskedLM": PublishedClass("bert", "masked_lm", False),
    "ElectraForSequenceClassification": PublishedClass("electra", "sequence_classification", False),
    "ElectraForTokenClassification": PublishedClass("electra", "token_classification", False),
    "ElectraForPreTraining": PublishedClass("electra", "replaced_token_detection", False),
    "ElectraForMaskedLM": PublishedClass("electra", "masked_lm", False),
    "RobertaForSequenceClassification": PublishedClass("roberta", "sequence_classification", False),
    "RobertaForTokenClassification": PublishedClass("roberta", "token_classification", False),
    "RobertaForMaskedLM": PublishedClass("roberta", "masked_lm", False),
}

# Harmless extras of released files: buffers, an unused pooler, PruMUX's layer map.
IGNORED = (
    r".*position_ids$",
    r".*token_type_ids$",
    r"(bert|electra|roberta)\.pooler\..*",
    r"layer_transformation\..*",
)
RSA_ROOTS = ("demux_module", "demultiplexer.demux_module", "retrieval_head.demux_module")


ROW_SCALE = ".row_scale"  # ours: beside a matrix stored as int8, the factor of each of its rows


def is_ignored(name: str) -> bool:
    """Whether a published name is a known extra that no computation uses."""
    return any(re.fullmatch(pattern, name) for pattern in IGNORED)


def is_written(config: MuxConfig, name: str) -> bool:
    """Whether the released class of ``config`` writes one of its tensors under this name too."""
    if name == "retrieval_head.bias":  # the BERT class registers no such alias with RSA
        return not (config.backbone == "bert" and config.demultiplexer == "rsa")
    return config.has_retrieval_head or not name.startswith("retrieval_head.")


def published_names(config: MuxConfig, key: str) -> list[str]:
    """All published names of our tensor ``key``, canonical first."""
    for ours, theirs in _table(config):
        match = re.fullmatch(ours, key)
        if match:
            return [_fill(name, match) for name in theirs]
    raise KeyError(key)


def _fill(name: str, match: re.Match[str]) -> str:
    """Put matched groups into ``name``; ``{1+}`` is a group counted from one instead of zero."""
    for index, group in enumerate(match.groups(), start=1):
        name = name.replace(f"{{{index}}}", group)
        if f"{{{index}+}}" in name:
            name = name.replace(f"{{{index}+}}", str(int(group) + 1))
    return name


Rule = tuple[str, tuple[str, ...]]


def _table(config: MuxConfig) -> list[Rule]:
    root = config.backbone
    rules: list[Rule] = [
        (r"embeddings\.(.+)", (f"{root}.embeddings.{{1}}",)),
        (r"embedding_projection\.(.+)", (f"{root}.embeddings_project.{{1}}",)),
        (r"encoder\.layers\.(.+)", (f"{root}.encoder.layer.{{1}}",)),
        (r"multiplexer\.instance_embedding", ("instance_embedding",)),
    ]
    rules += (
        _multiplexer_rules() if is_published(config.multiplexer) else [_own_rule("multiplexer")]
    )
    if is_published(config.demultiplexer):
        rules += {
            "identity": list,  # no tensor
            "rsa": _rsa_rules,
            "index_prefix": _prefix_rules,
            "mlp": _mlp_rules,
        }[config.demultiplexer]()
    else:
        rules += [_own_rule("demultiplexer"), _own_rule("retrieval_reader"), *_decoder_rules()]
    return rules + _head_rules(config)


def is_published(part: str) -> bool:
    """Whether a multiplexer or demultiplexer has a name in released files, or is none at all."""
    return part in ("identity", *MUXING_VARIANTS.values(), *DEMUXING_VARIANTS.values())


def _own_rule(part: str) -> Rule:
    """The tensors of a part that was never published keep our names, under ``muxviz.``."""
    return (rf"{part}\.(.+)", (f"muxviz.{part}.{{1}}",))


def _multiplexer_rules() -> list[Rule]:
    return [
        (r"multiplexer\.token_layer\.(.+)", ("muxing_attention.{1}",)),
        (r"multiplexer\.instance_layer\.(.+)", ("muxing_attention_2.{1}",)),
        (r"multiplexer\.layer\.(.+)", ("muxing_attention.{1}",)),
        (r"multiplexer\.cross_linear\.(.+)", ("cross_instances_linear.{1}",)),
        (r"multiplexer\.cross_layer_norm\.(.+)", ("cross_instances_layernorm.{1}",)),
    ]


def _rsa_rules() -> list[Rule]:
    return [
        (r"demultiplexer\.keys", tuple(f"{r}.demux_instance_embedding" for r in RSA_ROOTS)),
        (r"demultiplexer\.dense\.(\d+)\.(.+)", tuple(f"{r}.dense_{{1+}}.{{2}}" for r in RSA_ROOTS)),
        (
            r"demultiplexer\.layer_norms\.(\d+)\.(.+)",
            tuple(f"{r}.layer_norm_{{1+}}.{{2}}" for r in RSA_ROOTS),
        ),
        (r"demultiplexer\.(pre_decoder.*)", ("demultiplexer.{1}",)),
        (r"retrieval_head\.dense\.(.+)", ("retrieval_head.pre_decoder.{1}",)),
        (r"retrieval_head\.layer_norm\.(.+)", ("retrieval_head.pre_decoder_layer_norm.{1}",)),
        *_decoder_rules(),
    ]


def _prefix_rules() -> list[Rule]:
    return [
        (r"demultiplexer\.(.+)", ("demultiplexer.{1}",)),
        (r"retrieval_reader\.(.+)", ("retrieval_head.{1}",)),
        *_decoder_rules(),
    ]


def _mlp_rules() -> list[Rule]:
    return [
        (r"demultiplexer\.dense\.(\d+)\.(.+)", ("demultiplexer.demux_module.dense_{1}.{2}",)),
        (
            r"demultiplexer\.layer_norms\.(\d+)\.(.+)",
            ("demultiplexer.demux_module.layer_norm_{1}.{2}",),
        ),
        (r"retrieval_reader\.dense\.(\d+)\.(.+)", ("retrieval_head.demux_module.dense_{1}.{2}",)),
        (
            r"retrieval_reader\.layer_norms\.(\d+)\.(.+)",
            ("retrieval_head.demux_module.layer_norm_{1}.{2}",),
        ),
        (r"retrieval_head\.dense\.(.+)", ("retrieval_head.dense_pre_vocab.{1}",)),
        (r"retrieval_head\.layer_norm\.(.+)", ("retrieval_head.layer_norm_pre_vocab.{1}",)),
        *_decoder_rules(),
    ]


def _decoder_rules() -> list[Rule]:
    return [
        (r"retrieval_head\.out_proj\.weight", ("retrieval_head.decoder.weight",)),
        (
            r"retrieval_head\.out_proj\.bias",
            ("retrieval_head.decoder.bias", "retrieval_head.bias"),
        ),
    ]


def _head_rules(config: MuxConfig) -> list[Rule]:
    token_task = config.task == "token_classification"
    if config.task == "replaced_token_detection":
        return _renamed("discriminator_predictions", dense="dense", out_proj="dense_prediction")
    if config.task == "masked_lm" and not config.is_multiplexed:
        return [
            (r"head\.dense\.(.+)", ("cls.predictions.transform.dense.{1}",)),
            (r"head\.layer_norm\.(.+)", ("cls.predictions.transform.LayerNorm.{1}",)),
            (r"head\.out_proj\.weight", ("cls.predictions.decoder.weight",)),
            (r"head\.out_proj\.bias", ("cls.predictions.bias", "cls.predictions.decoder.bias")),
        ]
    if config.demultiplexer == "mlp" or (config.backbone == "roberta" and config.is_multiplexed):
        if token_task and config.demultiplexer != "mlp":
            return [
                (r"head\.out_proj\.weight", ("demultiplexer.decoder.weight",)),
                (r"head\.out_proj\.bias", ("demultiplexer.decoder.bias", "demultiplexer.bias")),
            ]
        return _renamed(
            "demultiplexer",
            dense="dense_before_out_proj",
            layer_norm="layernorm_presoftmax",
            out_proj="out_proj",
        )
    if token_task or (config.backbone == "bert" and config.is_multiplexed):
        return [(r"head\.out_proj\.(.+)", ("classifier.{1}",))]
    if config.backbone == "bert":
        return [
            (r"head\.dense\.(.+)", ("bert.pooler.dense.{1}",)),
            (r"head\.out_proj\.(.+)", ("classifier.{1}",)),
        ]
    return _renamed("classifier", dense="dense", out_proj="out_proj")


def _renamed(prefix: str, **names: str) -> list[Rule]:
    return [(rf"head\.{ours}\.(.+)", (f"{prefix}.{name}.{{1}}",)) for ours, name in names.items()]
