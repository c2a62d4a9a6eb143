"""Laws that hold for any weights: what multiplexing means, independent of any recording."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from muxviz.batch import Seating
from muxviz.config import MuxConfig
from muxviz.tracing import trace
from tests.tiny import VOCAB_SIZE, tiny_config, tiny_model

PAIRS = [
    ("gaussian_hadamard", "rsa"),
    ("gaussian_hadamard", "index_prefix"),
    ("gaussian_hadamard", "mlp"),
    ("binary_hadamard", "rsa"),
    ("random_orthogonal", "rsa"),
    ("low_rank_orthogonal", "rsa"),
    ("contextual", "rsa"),
    ("cross_instance", "rsa"),
]


def config(multiplexer: str, demultiplexer: str, **changes: object) -> MuxConfig:
    return tiny_config(multiplexer=multiplexer, demultiplexer=demultiplexer, **changes)


def ids_and_mask(num: int, batch: int = 2, length: int = 10) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(110, 600, (batch, num, length), generator=generator)
    ids[..., 0] = 101
    mask = torch.ones_like(ids)
    mask[:, -1, 7:] = 0
    return ids, mask


def test_prefix_slots_are_told_apart_by_their_prefix_token_alone() -> None:
    """Equal vectors and equal texts: only the index prefix can make the answers differ."""
    model = tiny_model(config("gaussian_hadamard", "index_prefix"))
    with torch.no_grad():
        vectors = model.multiplexer.instance_embedding
        vectors.copy_(vectors[:1].expand_as(vectors).clone())
    ids, _ = ids_and_mask(1)
    logits = model(ids.expand(-1, 3, -1).contiguous()).logits
    assert (logits[:, 0] - logits[:, 1]).abs().max() > 1e-3


def test_disjoint_chunk_masks_separate_exactly() -> None:
    """With 0/1 chunks, multiplying the mixture by slot i's mask gives back e_i on its chunk."""
    cfg = config("binary_hadamard", "rsa")
    model = tiny_model(cfg)
    ids, mask = ids_and_mask(3)
    traced = trace(model, ids, mask, retrieval=None)
    masks = model.multiplexer.instance_embedding
    assert torch.equal(masks.sum(dim=0), torch.ones(24)), "chunks cover every dimension once"
    for slot in range(3):
        recovered = 3 * traced.multiplexed * masks[slot]
        expected = traced.instance_embeddings[:, slot] * masks[slot]
        torch.testing.assert_close(recovered, expected, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("pad", [0, 5])
def test_one_plain_instance_equals_transformers(pad: int) -> None:
    model = tiny_model(tiny_config(plain=True, num_labels=3))
    plain = BertForSequenceClassification(
        BertConfig(
            vocab_size=VOCAB_SIZE,
            hidden_size=24,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=40,
            max_position_embeddings=64,
            num_labels=3,
        )
    ).eval()
    names = {"head.dense": "bert.pooler.dense", "head.out_proj": "classifier"}
    state = {}
    for key, value in model.state_dict().items():
        for ours, theirs in names.items():
            key = key.replace(ours, theirs)
        key = key.replace("encoder.layers.", "bert.encoder.layer.")
        state[key if key.startswith(("bert.", "classifier")) else f"bert.{key}"] = value
    plain.load_state_dict(state)
    ids, _ = ids_and_mask(1)
    mask = torch.ones_like(ids)
    if pad:
        mask[..., -pad:] = 0
    with torch.inference_mode():
        expected = plain(ids[:, 0], attention_mask=mask[:, 0]).logits
    torch.testing.assert_close(model(ids, mask).logits[:, 0], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("multiplexer", "demultiplexer"), PAIRS)
def test_a_group_alone_equals_the_same_group_in_a_batch(
    multiplexer: str, demultiplexer: str
) -> None:
    model = tiny_model(config(multiplexer, demultiplexer))
    ids, mask = ids_and_mask(3, batch=6)
    together = model(ids, mask).logits
    for group in range(6):
        alone = model(ids[group : group + 1], mask[group : group + 1]).logits[0]
        torch.testing.assert_close(alone, together[group], atol=1e-5, rtol=1e-5)
        assert torch.equal(alone.argmax(-1), together[group].argmax(-1))


def test_masked_padding_does_not_depend_on_how_much_there_is() -> None:
    model = tiny_model(config("gaussian_hadamard", "rsa"))
    ids, mask = ids_and_mask(3)
    wide_ids = torch.nn.functional.pad(ids, (0, 9))
    wide_mask = torch.nn.functional.pad(mask, (0, 9))
    short = model(ids, mask, hide_padding=True).logits
    torch.testing.assert_close(
        model(wide_ids, wide_mask, hide_padding=True).logits, short, atol=1e-5, rtol=1e-5
    )
    published = model(wide_ids, wide_mask).logits
    assert (published - model(ids, mask).logits).abs().max() > 1e-4, "padding takes part by default"


def test_mean_readout_ignores_padded_positions() -> None:
    model = tiny_model(config("gaussian_hadamard", "rsa", readout="mean"))
    ids, mask = ids_and_mask(3)
    traced = trace(model, ids, mask, retrieval=None)
    by_hand = traced.demultiplexed[:, -1, :7].mean(dim=1)  # slot 3 has 7 real tokens
    torch.testing.assert_close(traced.readout[:, -1], by_hand, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("multiplexer", "demultiplexer"), PAIRS)
def test_trace_is_the_forward_pass(multiplexer: str, demultiplexer: str) -> None:
    model = tiny_model(config(multiplexer, demultiplexer))
    ids, mask = ids_and_mask(3)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    given = ids.clone()
    traced = trace(model, ids, mask)
    assert torch.equal(given, ids)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    torch.testing.assert_close(traced.logits, model(ids, mask).logits)
    length = 10 + traced.prefix
    assert traced.instance_embeddings.shape == (2, 3, length, 24)
    assert traced.multiplexed.shape == (2, length, 24)
    assert [h.shape for h in traced.hidden_states] == [(2, length, 24)] * 3
    assert [a.shape for a in traced.attentions] == [(2, 4, length, length)] * 2
    for attention in traced.attentions:
        torch.testing.assert_close(attention.sum(-1), torch.ones(2, 4, length))
    assert traced.demultiplexed.shape == (2, 3, length, 24)
    assert traced.retrieval_logits is not None
    assert traced.retrieval_logits.shape == (2, 3, length, VOCAB_SIZE)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_attention_maps_are_the_ones_the_encoder_used() -> None:
    """Recomputed maps against transformers' own eager attention on the same layer and input."""
    from transformers.models.bert.modeling_bert import eager_attention_forward

    model = tiny_model(config("gaussian_hadamard", "rsa"))
    ids, mask = ids_and_mask(3)
    traced = trace(model, ids, mask)
    attend = model.encoder.layers[1].attention.self
    hidden = traced.hidden_states[1]
    shape = (2, 10, 4, 6)
    parts = [
        f(hidden).view(shape).transpose(1, 2) for f in (attend.query, attend.key, attend.value)
    ]
    _, weights = eager_attention_forward(attend, *parts, None, scaling=attend.scaling)
    torch.testing.assert_close(traced.attentions[1], weights, atol=1e-6, rtol=1e-5)


def test_scores_say_what_the_logits_say() -> None:
    model = tiny_model(config("gaussian_hadamard", "rsa"))
    ids, mask = ids_and_mask(3)
    logits = trace(model, ids, mask).retrieval_logits
    scores = trace(model, ids, mask, retrieval="scores").retrieval_scores
    assert logits is not None
    assert scores is not None
    log_probs = logits.log_softmax(-1)
    entered = trace(model, ids, mask, retrieval=None).input_ids
    assert torch.equal(scores.read, logits.argmax(-1))
    own = log_probs.gather(-1, entered[..., None])[..., 0]
    torch.testing.assert_close(scores.true_log_prob, own, atol=1e-4, rtol=1e-4)
    assert torch.equal(scores.rank, (log_probs > own[..., None]).sum(-1))
    for j in range(3):
        asked = entered[:, j][:, None, :, None].expand(-1, 3, -1, 1)
        expected = log_probs.gather(-1, asked)[..., 0]
        torch.testing.assert_close(scores.slot_log_prob[:, :, j], expected, atol=1e-4, rtol=1e-4)


def test_published_double_draw_mixes_ids_and_masks() -> None:
    from muxviz.batch import EncodedRow, Row, make_group

    cfg = config("gaussian_hadamard", "rsa", num_instances=10)
    rows = [
        EncodedRow(Row(str(n)), tuple(range(200, 200 + n)), (0,) * n, (False,) * n, "", 0)
        for n in (2, 5, 7)
    ]
    own = make_group(cfg, rows, Seating(fill="repeat", seed=3))
    for slot in range(3, 10):
        source = own.repeats[slot]
        assert source is not None
        assert (own.ids[slot] == own.ids[source]).all()
        assert (own.mask[slot] == own.mask[source]).all()
    published = make_group(cfg, rows, Seating(fill="published", seed=3))
    differs = [int(published.mask[s].sum()) != len(published.rows[s].ids) for s in range(3, 10)]
    assert any(differs), "two separate draws must disagree somewhere over seven fillers"
    assert (make_group(cfg, rows, Seating(seed=3)).ids == own.ids).all(), "seeded"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"multiplexer": "identity"}, "belong together"),
        ({"demultiplexer": "rsa", "num_demux_layers": 1}, "at least 2"),
        ({"multiplexer": "contextual", "demultiplexer": "index_prefix"}, "only for masked_lm"),
        ({"multiplexer": "nonsense"}, "unknown multiplexer 'nonsense'"),
        ({"num_instances": 0}, "num_instances is 0"),
        ({"labels": ("a",)}, "1 label names for num_labels 2"),
    ],
)
def test_impossible_combinations_say_why(change: dict[str, object], message: str) -> None:
    from muxviz.errors import ConfigError

    base = config("gaussian_hadamard", "rsa")
    with pytest.raises(ConfigError, match=message):
        replace(base, **change)  # type: ignore[arg-type]
