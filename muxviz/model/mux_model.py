"""The one model: embeddings, multiplexer, encoder, demultiplexer, heads.

Axis letters, used in every docstring of this project: **B** groups (multiplexed sequences), **N**
instances in a group, **L** tokens of a text, **T** positions inside the model (L plus the index
prefix), **E** embedding width, **D** hidden width, **H** heads, **V** vocabulary, **C** classes,
**K** layers. Rows of a flat batch are ``group * N + slot``.

The stages are methods, so that ``muxviz.trace`` can walk through them and keep what each returns;
``forward`` is the same walk, keeping nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from muxviz.config import MuxConfig
from muxviz.errors import GroupError, InputError, TextTooLong, VocabularyError
from muxviz.model.claims import offers
from muxviz.model.demultiplexer import (
    ALL,
    RSADemultiplexer,
    build_demultiplexer,
)
from muxviz.model.encoder import Encoder, LayerNorm, additive_mask
from muxviz.model.heads import build_retrieval_head, build_task_head, reader_width
from muxviz.model.multiplexer import build_multiplexer


@dataclass(frozen=True)
class PreparedInput:
    """What enters the embeddings, after prefix, cut and forced token; the caller's ids are copied.

    ids, mask, types: ``[B, N, T]``; mask is 1 on real tokens. cut: tokens dropped from the end of
    every row to make room for the prefix. prefix: positions in front of the tokens.
    """

    ids: Tensor
    mask: Tensor
    types: Tensor | None
    prefix: int
    cut: int


@dataclass(frozen=True)
class MuxOutput:
    """What a forward pass answers.

    logits: ``[B, N, C]`` for sentence tasks, ``[B, N, L', C]`` for token tasks (C = V for masked
    LM), ``[B, N, L']`` for replaced-token detection; the prefix is never in it. L' is L less
    ``cut`` tokens. readout: the states the head read, ``[B, N, D]`` or ``[B, N, L', D]``.
    """

    logits: Tensor
    readout: Tensor
    cut: int = 0


class Embeddings(nn.Module):
    """BERT's tables; what stands for the words is given, as a mixture stands for N of them."""

    def __init__(self, config: MuxConfig) -> None:
        super().__init__()
        shape, width = config.shape, config.embedding_width
        self.word_embeddings = nn.Embedding(shape.vocab_size, width, padding_idx=shape.pad_token_id)
        self.position_embeddings = nn.Embedding(shape.max_position_embeddings, width)
        self.token_type_embeddings = nn.Embedding(shape.type_vocab_size, width)
        self.LayerNorm = LayerNorm(width, eps=shape.layer_norm_eps)
        self.dropout = nn.Dropout(shape.hidden_dropout_prob)

    def forward(self, words: Tensor, types: Tensor, positions: Tensor) -> Tensor:
        """``words [B, T, E]`` with segments and positions, ``[B or 1, T]`` each, normed."""
        added = words + self.token_type_embeddings(types) + self.position_embeddings(positions)
        out: Tensor = self.dropout(self.LayerNorm(added))
        return out


@dataclass(frozen=True)
class Entry:
    """Groups at the door of the encoder.

    mixture: ``[B, T, E]``. hidden: input of the first layer, ``[B, T, D]``. mask: what the encoder
    is to see, None for everything.
    """

    mixture: Tensor
    hidden: Tensor
    mask: Tensor | None


class MuxModel(nn.Module):
    """N instances share one pass through the encoder.

    Args:
        config: names every part; see ``MuxConfig``.
    """

    def __init__(self, config: MuxConfig) -> None:
        super().__init__()
        self.config = config
        shape = config.shape
        self.embeddings = Embeddings(config)
        self.multiplexer = build_multiplexer(config)
        if shape.embedding_size != shape.hidden_size:
            self.embedding_projection = nn.Linear(shape.embedding_size, config.width)
        self.encoder = Encoder(config)
        self.demultiplexer = build_demultiplexer(config)
        self.head = build_task_head(config)
        self.retrieval_head = None
        self.retrieval_reader = None
        if config.is_multiplexed and config.has_retrieval_head:
            self.retrieval_head = build_retrieval_head(config)
            if not isinstance(self.demultiplexer, RSADemultiplexer):
                head = self.retrieval_head
                wide = config.readout_width if head.spec.activation else reader_width(config)
                self.retrieval_reader = build_demultiplexer(config, width=wide)
        self.tie_weights()

    def tie_weights(self) -> None:
        """Share the vocabulary projection with the word embedding where the classes do (BERT)."""
        if not self.config.ties_words:
            return
        words = self.embeddings.word_embeddings.weight
        if self.retrieval_head is not None:
            self.retrieval_head.out_proj.weight = words
        if self.head is not None and self.config.task == "masked_lm":
            self.head.out_proj.weight = words

    # ---- stages -------------------------------------------------------------------------------

    def prepare(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None,
        token_type_ids: Tensor | None,
        *,
        hide_padding: bool = False,
        trusted: bool = False,
    ) -> PreparedInput:
        """Check the group, then put the prefix in front or force the first token, on copies.

        Where the prefix displaces the last tokens, the released class does not shift the mask; it
        is shifted only where padding is to be hidden. ``trusted``: ``check`` was called already.
        """
        config = self.config
        if not trusted:
            self.check(input_ids, attention_mask, token_type_ids)
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        types = token_type_ids if config.is_pair_aware else None
        prefix, cut = config.prefix_length, 0
        ids = input_ids
        if prefix:
            cut = prefix if config.cuts_prefix_room else 0
            kept = ids[..., : ids.shape[-1] - cut]
            ids = torch.cat([self._prefix(ids), kept], dim=-1)
            if cut == 0 or hide_padding:
                front = torch.ones_like(ids[..., :prefix])
                mask = torch.cat([front, mask[..., : ids.shape[-1] - prefix]], dim=-1)
            if types is not None:
                front = torch.zeros_like(ids[..., :prefix])
                types = torch.cat([front, types[..., : ids.shape[-1] - prefix]], dim=-1)
        elif config.forced_first_token is not None:
            ids = ids.clone()
            ids[..., 0] = config.forced_first_token
        return PreparedInput(ids, mask, types, prefix, cut)

    def embed(self, prepared: PreparedInput) -> Tensor:
        """Embeddings of every instance, ``[B, N, T, E]`` (word + position + segment, normed)."""
        batch, num, length = prepared.ids.shape
        ids = prepared.ids.reshape(batch * num, length)
        types = ids.new_zeros(1, length)  # one row, like the positions: looked up once for all
        if prepared.types is not None:
            types = prepared.types.reshape(batch * num, length)
        words = self.embeddings.word_embeddings(ids)
        rows: Tensor = self.embeddings(words, types, self.token_positions(ids))
        return rows.view(batch, num, length, -1)

    def mix(self, embeddings: Tensor, mask: Tensor, *, hide_padding: bool = False) -> Tensor:
        """The mixture ``[B, T, E]`` of the instances' embeddings ``[B, N, T, E]``."""
        if hide_padding and self.config.mixes_padding:
            raise InputError(
                f"hide_padding is not defined for the {self.config.multiplexer} multiplexer: its "
                "own attention mixes padding in; leave it off"
            )
        if hide_padding and self.config.is_multiplexed:
            embeddings = embeddings * mask[..., None].to(embeddings.dtype)
        return self.multiplexer(embeddings, mask)

    def enter(self, mixture: Tensor) -> Tensor:
        """Input of the first layer, ``[B, T, D]``.

        A multiplexed model embeds a second time, as published: positions, segment 0 and the norm
        are applied again, to the mixture. A plain model passes on what it has.
        """
        hidden = mixture
        if self.config.is_multiplexed:
            length = mixture.shape[1]
            offset = 2 if self.config.backbone == "roberta" else 0
            positions = torch.arange(offset, length + offset, device=mixture.device)
            types = torch.zeros_like(positions)
            hidden = self.embeddings(mixture, types[None], positions[None])
        if self.config.shape.embedding_size != self.config.shape.hidden_size:
            hidden = self.embedding_projection(hidden)
        return hidden

    def encoder_mask(
        self, mask: Tensor, dtype: torch.dtype, *, hide_padding: bool
    ) -> Tensor | None:
        """The mask the encoder sees.

        Plain models hide their padding. Multiplexed ones, as published, attend everywhere; with
        ``hide_padding`` positions where every instance is padding are hidden.
        """
        if not self.config.is_multiplexed:
            return additive_mask(mask[:, 0], dtype)
        return additive_mask(mask.amax(dim=1), dtype) if hide_padding else None

    def walk(
        self,
        prepared: PreparedInput,
        *,
        embeddings: Tensor | None = None,
        mixture: Tensor | None = None,
        hide_padding: bool = False,
    ) -> Entry:
        """The stages from prepared groups to the encoder's door, one after another.

        Args:
            embeddings: ``[B, N, T, E]`` to mix in place of the groups' own.
            mixture: ``[B, T, E]`` in place of theirs.
            hide_padding: as in ``forward``.
        """
        if mixture is None:
            rows = self.embed(prepared) if embeddings is None else embeddings
            mixture = self.mix(rows, prepared.mask, hide_padding=hide_padding)
        hidden = self.enter(mixture)
        mask = self.encoder_mask(prepared.mask, hidden.dtype, hide_padding=hide_padding)
        return Entry(mixture, hidden, mask)

    def read_tokens(self, hidden: Tensor, positions: slice = ALL) -> Tensor:
        """States the retrieval head projects, ``[B, N, T', D]``."""
        if isinstance(self.demultiplexer, RSADemultiplexer):
            return self.demultiplexer.for_retrieval(hidden, positions)
        assert self.retrieval_reader is not None, "checked by has_retrieval_head"
        return self.retrieval_reader(hidden, positions)

    def read_places(self, hidden: Tensor, groups: Tensor, slots: Tensor, places: Tensor) -> Tensor:
        """``read_tokens`` for P single (group, slot, position) triples only: ``[P, D]``."""
        reader: Any = self.retrieval_reader
        if reader is None and offers(self.demultiplexer, "unlock_at"):
            own: Any = self.demultiplexer
            unlocked = own.unlock_at(hidden, groups, slots, places)
            read: Tensor = own.finish_for_retrieval(unlocked)
        elif offers(reader, "at"):
            read = reader.at(hidden, groups, slots, places)
        else:
            read = self.read_tokens(hidden)[groups, slots, places]
        return read

    def sentence_state(
        self, hidden: Tensor, prepared: PreparedInput, states: Tensor | None = None
    ) -> Tensor:
        """The state a sentence task reads, ``[B, N, D]``.

        Args:
            states: the demultiplexed tokens ``[B, N, T', D]``, where the caller has them already.
        """
        if self.config.readout == "mean":
            tokens = slice(prepared.prefix, None)
            if states is None:
                states = self.demultiplexer(hidden, tokens)
            weights = prepared.mask[..., tokens, None].to(states.dtype)
            return (states * weights).sum(dim=2) / weights.sum(dim=2).clamp(min=1)
        # The prefix ends in a [CLS] of its own at position N; without a prefix it is position 0.
        first = max(prepared.prefix - 1, 0)
        return self.demultiplexer(hidden, slice(first, first + 1))[:, :, 0]

    def answer(self, hidden: Tensor, prepared: PreparedInput) -> MuxOutput:
        """Demultiplex what the task needs and apply its head to ``hidden [B, T, D]``."""
        config = self.config
        tokens = slice(prepared.prefix, None)
        if self.head is None:
            readout = self.read_tokens(hidden, tokens)
            assert self.retrieval_head is not None, "checked when the config is built"
            return MuxOutput(self.retrieval_head(readout), readout, prepared.cut)
        if config.answers_texts:
            readout = self.sentence_state(hidden, prepared)
            return MuxOutput(self.head(readout), readout, prepared.cut)
        readout = self.demultiplexer(hidden, tokens)
        logits = self.head(readout)
        if config.task == "replaced_token_detection":
            logits = logits.squeeze(-1)
        return MuxOutput(logits, readout, prepared.cut)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        *,
        hide_padding: bool = False,
    ) -> MuxOutput:
        """One pass for B groups of N instances.

        Args:
            input_ids: ``[B, N, L]``; never changed.
            attention_mask: ``[B, N, L]``, 1 on real tokens; None means all are real.
            token_type_ids: ``[B, N, L]`` segment ids; ignored where the class ignores them.
            hide_padding: keep padding out of the mixture and of attention (``padding="masked"``);
                the default is the published behaviour, in which padding takes part.

        Raises:
            GroupError: not N instances. VocabularyError: an id outside the vocabulary. InputError:
                longer than the position table, or shapes that do not fit.
        """
        prepared = self.prepare(
            input_ids, attention_mask, token_type_ids, hide_padding=hide_padding
        )
        entry = self.walk(prepared, hide_padding=hide_padding)
        return self.answer(self.encoder(entry.hidden, entry.mask), prepared)

    # ---- details ------------------------------------------------------------------------------

    def _prefix(self, ids: Tensor) -> Tensor:
        batch, num = ids.shape[:2]
        filler, first_marker, end = self.config.reserved_ids
        prefix = ids.new_full((num, num + 1), filler)
        slots = torch.arange(num, device=ids.device)
        prefix[slots, slots] = first_marker - slots
        prefix[:, num] = end
        return prefix.expand(batch, num, num + 1)

    def token_positions(self, ids: Tensor) -> Tensor:
        """Rows of the position table for ids ``[B, T]``: ``[B, T]``, or ``[1, T]`` for all."""
        if self.config.backbone == "roberta":
            real = (ids != self.config.shape.pad_token_id).long()
            return real.cumsum(dim=1) * real + self.config.shape.pad_token_id
        return torch.arange(ids.shape[1], device=ids.device)[None]

    def check(self, ids: Tensor, mask: Tensor | None, types: Tensor | None) -> None:
        """See that ids, mask and types ``[B, N, L]`` are what this model takes.

        Raises:
            InputError and its kinds: as ``forward``.
        """
        num, vocab = self.config.num_instances, self.config.shape.vocab_size
        if ids.dim() != 3:
            raise InputError(
                f"input_ids has shape {list(ids.shape)}; expected [B, N, L] = [groups, {num}, "
                "tokens]; use ids.view(-1, N, L)"
            )
        if ids.shape[1] != num or ids.numel() == 0:
            raise GroupError(
                f"got {list(ids.shape)} (groups, texts, tokens); this model multiplexes exactly "
                f"{num} texts of at least one token; fill the group up or load another checkpoint"
            )
        for name, other in (("attention_mask", mask), ("token_type_ids", types)):
            if other is not None and other.shape != ids.shape:
                raise InputError(
                    f"{name} has shape {list(other.shape)}, input_ids {list(ids.shape)}; they must "
                    "be equal"
                )
        room = self.config.default_max_length + (
            self.config.prefix_length if self.config.cuts_prefix_room else 0
        )
        if ids.shape[2] > room:
            raise TextTooLong(
                f"{ids.shape[2]} tokens per text, but this model has room for {room} (positions "
                f"{self.config.shape.max_position_embeddings}, prefix "
                f"{self.config.prefix_length}); cut the texts"
            )
        if self.config.cuts_prefix_room and ids.shape[2] <= self.config.prefix_length:
            raise InputError(
                f"{ids.shape[2]} tokens per text, but the prefix displaces the last "
                f"{self.config.prefix_length}; pad the texts to a longer length"
            )
        segments = self.config.shape.type_vocab_size
        if types is not None and self.config.is_pair_aware and int(types.max()) >= segments:
            raise VocabularyError(
                f"token_type_ids go up to {int(types.max())}; this checkpoint knows segments 0 to "
                f"{segments - 1}"
            )
        low, high = int(ids.min()), int(ids.max())
        if low < 0 or high >= vocab:
            raise VocabularyError(
                f"token ids run from {low} to {high}; this checkpoint knows ids 0 to {vocab - 1}; "
                "use the checkpoint's own tokenizer"
            )
