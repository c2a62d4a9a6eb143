"""The hub, spoken to for real: a small server on 127.0.0.1 that knows its protocol."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from huggingface_hub import constants
from huggingface_hub.utils import close_session

from muxviz.errors import CheckpointUnreadable, HubError
from muxviz.loading.hub import cached_ids, fetch, wanted_files
from muxviz.loading.load import load
from tests.tiny import tiny_config, tiny_ids, write_tiny_folder

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NEWER = "89abcdef0123456789abcdef0123456789abcdef"
ID = "owner/tiny-mux_3"


class Hub(ThreadingHTTPServer):
    """Serves one repository; ``mood`` names what is wrong today."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.commit = COMMIT
        self.mood = ""
        self.gone: set[str] = set()  # listed, but not served
        self.commit_of_files = ""  # where it differs from the listing's
        self.asked: list[str] = []  # "GET config.json", in order

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def log_message(self, *arguments: object) -> None:
        """Nothing is printed."""

    def answer(self) -> None:
        path = self.path.split("?")[0]
        if self.server.mood.isdigit():
            self.refuse(int(self.server.mood), "")
        elif path.startswith(f"/api/models/{ID}"):
            self.describe(path)
        elif path.startswith(f"/{ID}/resolve/"):
            self.serve(path.removeprefix(f"/{ID}/resolve/").split("/", 1)[1])
        else:
            self.refuse(404, "RepoNotFound")

    def refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        if code or self.server.mood == "403":
            self.send_header("X-Error-Code", code or "GatedRepo")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def describe(self, path: str) -> None:
        if path.endswith("/revision/nosuch"):
            return self.refuse(404, "RevisionNotFound")
        if self.server.mood == "portal":
            body = b"<html>please log in to this network</html>"
        else:
            siblings = [{"rfilename": n, "size": len(c)} for n, c in self.server.files.items()]
            body = json.dumps(
                {"id": ID, "modelId": ID, "sha": self.server.commit, "siblings": siblings}
            ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def serve(self, name: str) -> None:
        self.server.asked.append(f"{self.command} {name}")
        content = self.server.files.get(name)
        if content is None or name in self.server.gone:
            return self.refuse(404, "EntryNotFound")
        self.send_response(200)
        self.send_header("X-Repo-Commit", self.server.commit_of_files or self.server.commit)
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "HEAD":
            return None
        if self.server.mood == "dies" and name == "model.safetensors":
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            self.connection.close()
            return None
        self.wfile.write(content)
        return None


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the repository holds."""
    return write_tiny_folder(tmp_path_factory.mktemp("published") / "model", card={"x": 1})


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, published: Path) -> Iterator[Hub]:
    """A running hub that the environment points to, and an empty cache."""
    server = Hub()
    server.files = {p.name: p.read_bytes() for p in published.iterdir()}
    server.files |= {"README.md": b"hello", "modeling.py": b"raise SystemExit", "sub/a.bin": b"x"}
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    for variable in ("TRANSFORMERS_OFFLINE", "HF_TOKEN", "http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)  # read when it was imported
    monkeypatch.setenv("HF_ENDPOINT", server.address)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.file_download.time, "sleep", lambda seconds: None)
    close_session()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
    close_session()


def refused(*parts: str, hub_id: str = ID, **options: Any) -> None:
    with pytest.raises(HubError) as caught:
        fetch(hub_id, **options)
    message = str(caught.value)
    assert [part for part in parts if part not in message] == [], message


def test_a_fetched_checkpoint_gives_the_same_logits(hub: Hub, published: Path) -> None:
    local, remote = load(published, device="cpu"), load(ID, device="cpu")
    ids = tiny_ids(local.config)
    with torch.inference_mode():
        assert torch.equal(local.model(ids).logits, remote.model(ids).logits)
    assert remote.name == ID
    assert remote.folder.name == COMMIT
    assert remote.need_tokenizer()("good film")["input_ids"][0] == 101


def test_only_data_is_fetched(hub: Hub) -> None:
    folder = fetch(ID)
    assert {p.name for p in folder.iterdir()} == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert not any("modeling.py" in line or "README" in line for line in hub.asked)


def test_progress_runs_from_nothing_to_all(hub: Hub) -> None:
    told: list[tuple[str, float]] = []
    fetch(ID, progress=lambda line, share: told.append((line, share)))
    shares = [share for _, share in told]
    assert shares[0] == 0.0
    assert shares[-1] == 1.0
    assert shares == sorted(shares)
    assert any("model.safetensors" in line and 0 < share <= 1 for line, share in told)


def test_a_second_fetch_downloads_nothing(hub: Hub) -> None:
    first = fetch(ID)
    hub.asked.clear()
    assert fetch(ID) == first
    assert not any(line.startswith("GET") for line in hub.asked)


def test_a_new_commit_is_fetched(hub: Hub) -> None:
    fetch(ID)
    hub.commit = NEWER
    assert fetch(ID).name == NEWER


@pytest.mark.parametrize("revision", [COMMIT, "main", "v1.0"])
def test_a_revision_may_be_named(revision: str, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = fetch(ID, revision=revision)
    assert folder.name == COMMIT
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert fetch(ID, revision=revision) == folder


def test_an_unknown_id(hub: Hub) -> None:
    refused("owner/nothing is not found", "check the spelling", hub_id="owner/nothing")


def test_an_unknown_revision(hub: Hub) -> None:
    refused("no revision 'nosuch'", revision="nosuch")


@pytest.mark.parametrize("status", ["401", "403"])
def test_a_private_or_gated_id(status: str, hub: Hub) -> None:
    hub.mood = status
    refused("private or gated", status, "HF_TOKEN")


@pytest.mark.parametrize("mood", ["500", "503", "429", "portal"])
def test_a_hub_in_trouble_falls_back_to_the_cache(mood: str, hub: Hub) -> None:
    hub.mood = mood
    refused("cannot be fetched", "not in the cache")
    hub.mood = ""
    folder = fetch(ID)
    hub.mood = mood
    assert fetch(ID) == folder


def test_offline_and_not_in_the_cache(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    refused("HF_HUB_OFFLINE is set, unset it", "not in the cache")
    assert hub.asked == []


@pytest.mark.parametrize("value", ["1", "true", "YES"])
def test_offline_with_a_copy_in_the_cache(
    value: str, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fetch(ID)
    hub.asked.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    assert fetch(ID) == folder
    assert load(ID, device="cpu").folder == folder
    assert hub.asked == []


def test_offline_with_a_part_in_the_cache(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    (fetch(ID) / "model.safetensors").unlink()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    refused("only a part of it is in the cache")


def test_a_process_that_started_offline_says_so(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    refused("when this process started")


def test_a_hub_that_cannot_be_reached(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = fetch(ID)
    hub.shutdown()
    hub.server_close()
    close_session()
    assert fetch(ID) == folder
    refused("cannot be reached", hub.address, "not in the cache", hub_id="owner/other")


@pytest.mark.parametrize("address", ["ftp://127.0.0.1", "127.0.0.1:80", "http://a b"])
def test_an_endpoint_that_is_no_address(
    address: str, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", address)
    refused("HF_ENDPOINT", address, "expected an address")


def test_a_server_that_dies_in_the_middle_of_a_file(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.mood = "dies"
    refused("interrupted at model.safetensors", "kept, start again")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    refused("not in the cache")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    hub.mood = ""
    assert load(ID, device="cpu").config.num_instances == 3


def test_an_interrupted_fetch_goes_on_where_it_stopped(hub: Hub) -> None:
    hub.files["added_tokens.json"] = b"{}"
    hub.mood = "dies"
    refused("interrupted at model.safetensors")
    assert "GET added_tokens.json" in hub.asked
    hub.mood = ""
    hub.asked.clear()
    fetch(ID)
    assert "GET model.safetensors" in hub.asked
    assert "GET added_tokens.json" not in hub.asked


def test_a_file_that_is_listed_but_gone(hub: Hub) -> None:
    hub.gone.add("tokenizer.json")
    refused("lists tokenizer.json", "does not serve it", "404")


def test_a_commit_that_changes_meanwhile(hub: Hub) -> None:
    hub.commit_of_files = NEWER
    refused("changed on the hub while it was fetched")


@pytest.mark.parametrize(
    "hub_id",
    [
        "owner",
        "a/b/c",
        "../b",
        "a/..",
        "a/b--c",
        "a b/c",
        "a/b?x=1",
        "a/b#c",
        "a/b%2e",
        "a/b.git",
        "ä/b",
        "a/b\n",
        "/b",
        "a/",
        "-a/b",
        "a" * 97 + "/b",
        "http:/x",
    ],
    ids=repr,
)
def test_odd_ids_are_refused_before_anything_is_asked(hub_id: str, hub: Hub) -> None:
    refused("is not a hub id", "owner/name", hub_id=hub_id)
    assert hub.asked == []


@pytest.mark.parametrize("revision", ["../x", "a b", "", "x" * 300, "a?b", "/a"], ids=repr)
def test_odd_revisions_are_refused(revision: str, hub: Hub) -> None:
    refused("is not a revision", "a branch, a tag or a commit", revision=revision)


def test_the_cache_is_listed(hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert cached_ids() == []
    folder = fetch(ID)
    assert cached_ids() == [ID]
    (folder / "model.safetensors").unlink()
    assert cached_ids() == []
    monkeypatch.delenv("HF_HUB_CACHE")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    assert cached_ids() == []
    fetch(ID)
    assert (tmp_path / "home" / "hub").is_dir()
    assert cached_ids() == [ID]


class Marker:
    """Opens a file for writing when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.path), "w")


def test_no_code_is_run_by_a_published_pickle(hub: Hub, tmp_path: Path) -> None:
    torch.save({"weight": Marker(tmp_path / "marker")}, tmp_path / "bad.bin")
    hub.files.pop("model.safetensors")
    refused("holds no weights that muxviz reads")
    hub.files["pytorch_model.bin"] = (tmp_path / "bad.bin").read_bytes()
    with pytest.raises(CheckpointUnreadable, match="would run code"):
        load(ID, device="cpu")
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize(
    ("names", "weights"),
    [
        (["model.safetensors", "pytorch_model.bin"], ["model.safetensors"]),
        (["pytorch_model.bin"], ["pytorch_model.bin"]),
        (
            ["pytorch_model.bin", "model.safetensors.index.json", "model-1-of-1.safetensors"],
            ["model.safetensors.index.json", "model-1-of-1.safetensors"],
        ),
        (
            ["pytorch_model.bin.index.json", "pytorch_model-00001-of-00001.bin", "x/model.bin"],
            ["pytorch_model.bin.index.json", "pytorch_model-00001-of-00001.bin"],
        ),
    ],
    ids=str,
)
def test_safe_weights_are_preferred(names: list[str], weights: list[str]) -> None:
    assert wanted_files(["config.json", "run.py", *names], ID) == ["config.json", *weights]


def test_a_repository_without_config() -> None:
    with pytest.raises(HubError, match=r"holds no config\.json"):
        wanted_files(["model.safetensors"], ID)


def test_bin_weights_come_too(hub: Hub, tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "bin", tiny_config(num_instances=2), weights="bin")
    hub.files = {p.name: p.read_bytes() for p in folder.iterdir()}
    assert load(ID, device="cpu").config.num_instances == 2
