"""What About says: papers, what differs from them, limits, licences."""

from __future__ import annotations

PAPERS = """
- **DataMUX**: Murahari, Jimenez, Yang and Narasimhan, "DataMUX: Data Multiplexing for Neural
  Networks", NeurIPS 2022, [arXiv:2202.09318](https://arxiv.org/abs/2202.09318)
- **MUX-PLM**: Murahari, Deshpande, Jimenez, Shafran, Wang, Cao and Narasimhan, "MUX-PLMs: Data
  Multiplexing for High-throughput Language Models", Findings of EMNLP 2023,
  [arXiv:2302.12441](https://arxiv.org/abs/2302.12441)
- **PruMUX and Auto-PruMUX**: Su, Murahari, Narasimhan and Li, "PruMUX: Augmenting Data Multiplexing
  with Model Compression", Findings of ACL 2023,
  [arXiv:2305.14706](https://arxiv.org/abs/2305.14706)
- **CoFi**: Xia, Zhong and Chen, "Structured Pruning Learns Compact and Accurate Models", ACL 2022,
  [arXiv:2204.00408](https://arxiv.org/abs/2204.00408)

muxviz implements their ideas anew and contains none of their code. It comes from none of their
authors.
"""
DEVIATIONS = """
- Released checkpoints run **as they were trained**, quirks included: embeddings applied twice,
  padding that is mixed in and attended to, a dropout where a norm was meant. Models lists those
  that apply to a checkpoint.
- The bundled models are **ours** and small: at most four layers, 384 wide, trained on two CPU
  cores. They are no measurement of the papers' models.
- Packed models (rooms of one's own) give each slot its own directions. They are no part of the
  papers; the `-shared-` models slide from there to the papers' Gaussian slot vectors.
- Some bundled models average over a slot's tokens instead of reading position 0, and read-back has
  a part in training that the papers give to pre-training only.
- Padding is to the group's own longest text by default, not to 128 tokens.

`docs/decisions.md` has what was decided and why, `docs/training.md` which goals were met.
"""
LIMITS = """
- English film reviews, and English web text for parts of speech; other texts are answered too, and
  without any claim.
- Numbers come with the interval of their draws. One training run stands behind each checkpoint:
  what another run would give is in no interval.
- The pool of sentences was written for this app. The cards have the scores on the tasks' own data.
- Speeds hold for the machine they were measured on.
- The app has no log-in. What you type stays on the machine that runs it, in the memory of your
  session and in the links and files that you make; nothing is sent elsewhere.
"""
LICENCES = """
muxviz is under the Apache License 2.0. The bundled models started from all-MiniLM-L6-v2
(Apache-2.0; MiniLM, MIT) with the vocabulary of bert-base-uncased (Apache-2.0). They were trained
on SST-2 (research use), reviews of Subj without labels (research use), Universal Dependencies EWT
(CC BY-SA) and Simple English Wikipedia (CC BY-SA); none of these is redistributed. The sentences of
the pool and of the groups were written for this project. `NOTICE` has the list.
"""
PRIVACY = """
Mixing adds sentences up; it hides nothing from whoever has the vectors. A **slot's key** is no
secret of a user: it is a part of the model, the same for everybody. And the key is hardly needed: a
reader who has never seen the model's layers or keys, but its table of word vectors and some other
groups together with their sentences, fits a linear map from the mixture to word vectors and reads
new groups with it. So treat mixed vectors as the text itself.

A linear map is the weakest attack worth the name. What it does not read is **not** safe.
"""
