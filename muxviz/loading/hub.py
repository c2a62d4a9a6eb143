"""Published checkpoints from the model hub, into its standard cache.

Only ``config.json``, weights and tokenizer files are fetched, never code. ``HF_ENDPOINT``,
``HF_HUB_OFFLINE`` and the cache variables are read at every call: ``huggingface_hub`` itself reads
them once, when it is imported.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from muxviz.errors import CheckpointError, HubError
from muxviz.loading.tokenizer import ALL_TOKENIZER_FILES
from muxviz.loading.weights import weight_files

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo

Progress = Callable[[str, float], None]  # (what is being done, share done in [0, 1])

WEIGHTS = (  # in order of preference: one file, or an index and its shards
    (r"model\.safetensors",),
    (r"model\.safetensors\.index\.json", r"model-\d+-of-\d+\.safetensors"),
    (r"pytorch_model\.bin",),
    (r"pytorch_model\.bin\.index\.json", r"pytorch_model-\d+-of-\d+\.bin"),
)
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,200}")
COMMIT = re.compile(r"[0-9a-f]{40}")
TIMEOUT_S = 10.0  # until the hub's first answer


def fetch(hub_id: str, *, revision: str | None = None, progress: Progress | None = None) -> Path:
    """The folder of a published checkpoint in the cache, fetched where it is not there yet.

    Where the hub cannot be reached, a complete copy in the cache serves.

    Args:
        hub_id: ``owner/name``.
        revision: branch, tag or commit; None means ``main``.
        progress: called with a line and the share of bytes done.

    Raises:
        HubError: not an id; not found; private or gated; offline or not reachable with nothing in
            the cache; interrupted. Each message says which.
    """
    _check_id(hub_id, revision)
    tell = progress or (lambda line, share: None)
    if is_offline():
        return _from_cache(hub_id, revision, "HF_HUB_OFFLINE is set, unset it to go online")
    tell(f"asking for {hub_id}", 0.0)
    try:
        info = _ask(hub_id, revision)
    except _Unreachable as error:
        return _from_cache(hub_id, revision, str(error))
    folder = _download(hub_id, revision, info, tell)
    tell(f"{hub_id} is complete", 1.0)
    return folder


def cached_ids() -> list[str]:
    """Ids of the models that are complete in the local cache, sorted; nothing is fetched."""
    found = []
    for folder in cache_folder().glob("models--*--*"):
        owner, _, name = folder.name.removeprefix("models--").partition("--")
        if any(_is_complete(snapshot) for snapshot in folder.glob("snapshots/*")):
            found.append(f"{owner}/{name}")
    return sorted(found)


def cache_folder() -> Path:
    """The hub's cache: ``HF_HUB_CACHE``, ``HF_HOME``/hub, or the default."""
    if named := os.environ.get("HF_HUB_CACHE"):
        return Path(named).expanduser()
    if home := os.environ.get("HF_HOME"):
        return Path(home).expanduser() / "hub"
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def is_offline() -> bool:
    """Whether the environment forbids to use the network."""
    value = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return value.upper() in ("1", "ON", "YES", "TRUE")


def endpoint() -> str:
    """Address of the hub: ``HF_ENDPOINT``, or the public one.

    Raises:
        HubError: not an http address.
    """
    address = (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")
    if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", address):
        raise HubError(
            f"HF_ENDPOINT is {address[:80]!r}; expected an address such as https://huggingface.co"
        )
    return address


class _Unreachable(Exception):
    """The hub gave no usable answer; the message says why."""


def _check_id(hub_id: str, revision: str | None) -> None:
    odd = ".." in hub_id or "--" in hub_id or hub_id.endswith((".", "-", ".git"))
    if odd or not ID.fullmatch(hub_id):
        raise HubError(
            f"{hub_id[:120]!r} is not a hub id; expected owner/name of letters, digits, '-', '_' "
            "and '.', such as princeton-nlp/muxbert_base_gaussian_hadamard_index_pos_2"
        )
    if revision is not None and (".." in revision or not REVISION.fullmatch(revision)):
        raise HubError(
            f"{revision[:120]!r} is not a revision; expected a branch, a tag or a commit"
        )


def _ask(hub_id: str, revision: str | None) -> ModelInfo:
    """What the hub knows of a model: commit, files and sizes.

    Raises:
        HubError: it refuses. _Unreachable: it does not answer, or not like a hub.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    address = endpoint()
    try:
        return HfApi(endpoint=address).model_info(
            hub_id, revision=revision, files_metadata=True, timeout=TIMEOUT_S
        )
    except HfHubHTTPError as error:
        raise _refusal(error, hub_id, revision) from error
    except OfflineModeIsEnabled as error:
        raise _Unreachable(
            "HF_HUB_OFFLINE was set when this process started, start it again without"
        ) from error
    except (_http_error(), OSError) as error:
        reason = str(error) or type(error).__name__
        raise _Unreachable(f"{address} cannot be reached ({reason})") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _Unreachable(f"{address} does not answer like a model hub ({error})") from error


def _http_error() -> type[Exception]:
    """Base of all errors of the HTTP library that huggingface_hub uses."""
    from huggingface_hub.errors import HfHubHTTPError

    base: type[Exception] = HfHubHTTPError.__bases__[0]
    return base


def _refusal(error: Any, hub_id: str, revision: str | None) -> Exception:
    """The hub's answer as an error that says what to do."""
    from huggingface_hub.errors import GatedRepoError, RevisionNotFoundError

    status = error.response.status_code
    if isinstance(error, RevisionNotFoundError):
        return HubError(
            f"{hub_id} has no revision {revision or 'main'!r} on the hub; leave it out for the "
            "newest, or give a branch, tag or commit"
        )
    if isinstance(error, GatedRepoError) or status in (401, 403):
        return HubError(
            f"{hub_id} is private or gated, or does not exist (the hub tells strangers no more; it "
            f"answered {status}); check the spelling, or ask for access and log in with "
            "`hf auth login` or HF_TOKEN"
        )
    if status == 404:
        return HubError(
            f"{hub_id} is not found on the hub (nor is it a folder here); check the spelling of "
            "owner/name"
        )
    return _Unreachable(f"the hub is in trouble (it answered {status}), try again later")


def _download(hub_id: str, revision: str | None, info: ModelInfo, tell: Progress) -> Path:
    """Fetch the files that matter, one by one; what is in the cache already is kept."""
    sizes = {s.rfilename: s.size or 0 for s in info.siblings or ()}
    names = wanted_files(list(sizes), hub_id)
    commit = str(info.sha)
    meter = _Meter(hub_id, sum(sizes[n] for n in names), tell)
    path = Path()
    # The config comes last, under the name that was asked for: only then does the cache's record
    # of that name point to this commit, so that offline only complete copies are found.
    for name in sorted(names, key=lambda n: (n == "config.json", n)):
        is_last = name == "config.json" and not COMMIT.fullmatch(revision or "")
        path = _download_file(hub_id, name, revision if is_last else commit, meter)
        meter.file_done(sizes[name])
    if path.parent.name != commit:
        raise HubError(f"{hub_id} changed on the hub while it was fetched; fetch it again")
    return path.parent


def wanted_files(names: list[str], hub_id: str) -> list[str]:
    """Of a repository's files: config, one set of weights, tokenizer files.

    Raises:
        HubError: there is no config or no weights that muxviz can read.
    """
    if "config.json" not in names:
        raise HubError(f"{hub_id} holds no config.json; it is not a model that muxviz can load")
    for patterns in WEIGHTS:
        weights = [n for n in names if any(re.fullmatch(p, n) for p in patterns)]
        if any(re.fullmatch(patterns[0], n) for n in weights):
            return ["config.json", *weights, *(n for n in ALL_TOKENIZER_FILES if n in names)]
    raise HubError(
        f"{hub_id} holds no weights that muxviz reads (model.safetensors or pytorch_model.bin, "
        "whole or in shards); choose another model, or convert it"
    )


def _download_file(hub_id: str, name: str, revision: str | None, meter: _Meter) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return Path(
            hf_hub_download(
                hub_id,
                name,
                revision=revision,
                cache_dir=cache_folder(),
                endpoint=endpoint(),
                tqdm_class=meter.bar(name),
            )
        )
    except HfHubHTTPError as error:
        status = error.response.status_code
        raise HubError(
            f"the hub lists {name} of {hub_id} but does not serve it (it answered {status}); try "
            "again later"
        ) from error
    except (_http_error(), OSError, ValueError) as error:
        reason = str(error.__cause__ or error).strip().split("\n")[0]
        raise HubError(
            f"the download of {hub_id} was interrupted at {name} ({reason}); the files before it "
            "are kept, start again to go on"
        ) from error


class _Meter:
    """Bytes of all files of one download, told as a share."""

    def __init__(self, hub_id: str, total: int, tell: Progress) -> None:
        self.hub_id, self.total, self.tell = hub_id, max(total, 1), tell
        self.before = 0  # bytes of the files that are complete
        self.current = 0  # bytes of the file in progress

    def bar(self, name: str) -> Any:
        """A stand-in for tqdm's class whose bars report to this meter."""
        self.current = 0
        return type("Bar", (_Bar,), {"meter": self, "name": name})

    def moved(self, name: str, amount: float) -> None:
        self.current += int(amount)
        share = min((self.before + self.current) / self.total, 1.0)
        self.tell(f"{self.hub_id}: {name}", share)

    def file_done(self, size: int) -> None:
        self.before += size
        self.current = 0


class _Bar:
    """As much of tqdm as huggingface_hub uses; draws nothing."""

    meter: _Meter
    name: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.n, self.total = kwargs.get("initial", 0), kwargs.get("total")
        self.meter.moved(self.name, 0)

    def __enter__(self) -> _Bar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        return None

    def update(self, amount: float | None = 1) -> None:
        self.n += amount or 0
        self.meter.moved(self.name, amount or 0)

    def update_transfer(self, amount: float | None = 1) -> None:
        """Bytes from the network; counted when they are written."""

    def set_postfix_str(self, *args: Any, **kwargs: Any) -> None:
        """Rates are not shown."""

    set_transfer_postfix_str = set_description = set_description_str = set_postfix_str
    refresh = close = set_postfix_str


def _from_cache(hub_id: str, revision: str | None, why: str) -> Path:
    """A complete copy in the cache.

    Raises:
        HubError: there is none; ``why`` is the reason it could not be fetched.
    """
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(
        hub_id, "config.json", cache_dir=cache_folder(), revision=revision
    )
    if isinstance(found, str) and _is_complete(Path(found).parent):
        return Path(found).parent
    what = "only a part of it is" if isinstance(found, str) else "it is not"
    raise HubError(
        f"{hub_id} is no folder here and cannot be fetched: {why}; {what} in the cache. The "
        "bundled checkpoints need no network"
    )


def _is_complete(snapshot: Path) -> bool:
    if not (snapshot / "config.json").is_file():
        return False
    try:
        return bool(weight_files(snapshot))
    except CheckpointError:
        return False
