"""One browser tab without a browser: Streamlit's messages over a real websocket.

    async with Tab.opened("http://127.0.0.1:8501", "mix", "m=sst2-n5") as tab:
        await tab.press("run")

It keeps what a page would show, sends what a browser would send (widget values, the address, the
messages that it has kept, the timed reruns of fragments), and draws nothing. Streamlit's messages
are no public interface; they are those of 1.67.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeAlias

from muxviz.errors import MuxvizError, NotApplicable

LIMIT_S = 180.0  # for one action
CACHED = 400  # messages kept, as a browser keeps some
EARLY = 2  # of ForwardMsg.ScriptFinishedStatus: another run follows
Value: TypeAlias = str | int | float | bool | tuple[str, ...] | tuple[float, ...]
Hears: TypeAlias = Callable[[bytes, Any], None]  # given every message, as bytes and as it is


class Lost(MuxvizError):
    """The connection was lost, or an action did not come to an end."""


@dataclass(frozen=True)
class Shown:
    """An element on the page. run: of the script that drew it last."""

    element: Any
    fragment: str
    run: int


class Tab:
    """A session of the app. ``start`` is drawn before anything else can be done."""

    def __init__(self, socket: Any, hears: Hears = lambda data, message: None) -> None:
        self._socket = socket
        self._hears = hears
        self._messages: dict[str, Any] = {}  # kept, by hash
        self._shown: dict[tuple[int, ...], Shown] = {}
        self._values: dict[str, Value] = {}  # of widgets that were set, by id
        self._due: dict[str, tuple[float, float]] = {}  # fragment: (when, every), seconds
        self._pages: dict[str, str] = {}  # hash by name in the address
        self._page = self._query = ""
        self._run = 0
        self.received = 0  # bytes

    @classmethod
    @asynccontextmanager
    async def opened(
        cls,
        url: str,
        page: str = "",
        query: str = "",
        hears: Hears = lambda data, message: None,
    ) -> AsyncIterator[Tab]:
        """A tab with a page, drawn.

        Raises:
            NotApplicable: the package for websockets is not installed. Lost: no such server.
        """
        client = _websockets()
        where = url.replace("http", "ws", 1).rstrip("/") + "/_stcore/stream"
        try:
            socket = await client.connect(where, max_size=None, subprotocols=["streamlit"])
        except OSError as error:
            raise Lost(f"no app answers at {url}: {error}") from error
        async with socket:
            tab = cls(socket, hears)
            tab._query = query
            await tab._rerun(page=page)
            yield tab

    async def drop(self) -> None:
        """Go away without a word, as a browser that is closed."""
        await self._socket.close()

    # ---- what is shown ----

    def elements(self, kind: str) -> list[Any]:
        """What is shown of one kind, such as ``"markdown"``, in order."""
        found = sorted(self._shown.items())
        of_kind = [s.element for _, s in found if s.element.WhichOneof("type") == kind]
        return [getattr(element, kind) for element in of_kind]

    def in_order(self) -> list[tuple[str, Any]]:
        """Kind and message of everything that is shown."""
        kinds = [(s.element.WhichOneof("type"), s.element) for _, s in sorted(self._shown.items())]
        return [(kind, getattr(element, kind)) for kind, element in kinds if kind]

    def find(self, key: str) -> Any | None:
        """The widget whose key is, or ends with, ``key``."""
        for _, message in self.in_order():
            name = str(getattr(message, "id", "")).rpartition("-")[2]
            if name == key or (key.startswith("_") and name.endswith(key)):
                return message
        return None

    @property
    def is_busy(self) -> bool:
        """Whether a panel shows work under way."""
        return self.find("_stop") is not None

    # ---- what is done ----

    async def go(self, page: str) -> None:
        """Open another page, from the sidebar."""
        self._values.clear()
        self._query = ""
        await self._rerun(page=page)

    async def again(self) -> None:
        """Have the page drawn again with nothing changed."""
        await self._rerun()

    async def press(self, key: str) -> None:
        """Press a button and look once."""
        await self._rerun(button=self._widget(key))

    async def set(self, key: str, value: Value) -> None:
        """Put a value into a widget, and look once."""
        widget = self._widget(key)
        self._values[widget] = value
        await self._rerun(fragment=self._fragment(widget))

    async def paste(self, field: str, text: str, button: str) -> None:
        """Type into a field and press a button beside it."""
        self._values[self._widget(field)] = text
        await self.press(button)

    async def settled(self) -> None:
        """Until no panel shows work under way."""
        until = time.monotonic() + LIMIT_S
        while self.is_busy:
            if not self._due or time.monotonic() > until:
                raise Lost(f"still at work after {LIMIT_S:.0f} s")
            await self._next_look()

    async def think(self, seconds: float) -> None:
        """Look at the page for a while; what it looks at by itself goes on."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            first = min((when for when, _ in self._due.values()), default=until)
            if first < until:
                await self._next_look()
            else:
                await asyncio.sleep(left)

    # ---- messages ----

    async def _next_look(self) -> None:
        fragment = min(self._due, key=lambda name: self._due[name][0])
        when, every = self._due[fragment]
        await asyncio.sleep(max(0.0, when - time.monotonic()))
        self._due[fragment] = (time.monotonic() + every, every)
        await self._rerun(fragment=fragment, is_auto=True)

    def _widget(self, key: str) -> str:
        found = self.find(key)
        if found is None:
            raise Lost(f"there is no {key} on this page")
        return str(found.id)

    def _fragment(self, widget: str) -> str:
        for shown in self._shown.values():
            kind = shown.element.WhichOneof("type")
            if kind and getattr(getattr(shown.element, kind), "id", "") == widget:
                return shown.fragment
        return ""

    async def _rerun(
        self, *, page: str = "", button: str = "", fragment: str = "", is_auto: bool = False
    ) -> None:
        message = _proto("BackMsg").BackMsg()
        asked = message.rerun_script
        asked.query_string = self._query
        asked.page_script_hash = self._pages.get(page, "") if page else self._page
        asked.page_name = page if not asked.page_script_hash else ""
        asked.fragment_id, asked.is_auto_rerun = fragment or self._fragment(button), is_auto
        asked.cached_message_hashes.extend(self._messages)
        for widget, value in self._values.items():
            _put(asked.widget_states.widgets.add(id=widget), value)
        if button:
            asked.widget_states.widgets.add(id=button, trigger_value=True)
        await self._socket.send(message.SerializeToString())
        try:
            async with asyncio.timeout(LIMIT_S):
                await self._until_finished()
        except TimeoutError as error:
            raise Lost(f"the page was not drawn within {LIMIT_S:.0f} s") from error

    async def _until_finished(self) -> None:
        closed = _websockets("exceptions").ConnectionClosed
        only: tuple[str, ...] = ()  # fragments of this run
        while True:
            try:
                data = await self._socket.recv()
            except closed as error:
                raise Lost(f"the connection was lost: {error}") from error
            self.received += len(data)
            message = self._whole(data)
            self._hears(data, message)
            kind = message.WhichOneof("type")
            if kind == "new_session":
                only = tuple(message.metadata.run.fragment_ids)
                self._begin(message.new_session, only)
            elif kind == "navigation":
                self._learn(message.navigation)
            elif kind == "delta":
                self._take(message)
            elif kind == "page_info_changed":
                self._query = message.page_info_changed.query_string
            elif kind == "auto_rerun":
                every = message.auto_rerun.interval
                self._due[message.auto_rerun.fragment_id] = (time.monotonic() + every, every)
            elif kind == "script_finished" and message.script_finished != EARLY:
                self._drop_old(only)
                return

    def _whole(self, data: bytes) -> Any:
        message = _proto("ForwardMsg").ForwardMsg()
        message.ParseFromString(data)
        if message.WhichOneof("type") == "ref_hash":
            kept, place = self._messages[message.ref_hash], message.metadata
            message = _proto("ForwardMsg").ForwardMsg()
            message.CopyFrom(kept)
            message.metadata.CopyFrom(place)
        elif message.metadata.cacheable and len(self._messages) < CACHED:
            self._messages[message.hash] = message
        return message

    def _begin(self, session: Any, only: tuple[str, ...]) -> None:
        self._run += 1
        self._page = session.page_script_hash
        if not only:
            self._due.clear()

    def _learn(self, pages: Any) -> None:
        """The pages there are, and which one this is."""
        self._page = pages.page_script_hash
        for page in pages.app_pages:
            self._pages[page.url_pathname or page.page_name] = page.page_script_hash

    def _take(self, message: Any) -> None:
        path, delta = tuple(message.metadata.delta_path), message.delta
        if delta.WhichOneof("type") == "new_element":
            self._shown[path] = Shown(delta.new_element, delta.fragment_id, self._run)
        else:
            self._shown.pop(path, None)

    def _drop_old(self, only: tuple[str, ...]) -> None:
        """Forget what was not drawn again; after a fragment, only of what that one drew."""
        self._shown = {
            path: shown
            for path, shown in self._shown.items()
            if shown.run == self._run or (only and shown.fragment not in only)
        }


def _put(state: Any, value: Value) -> None:
    if isinstance(value, tuple):
        of_texts = all(isinstance(one, str) for one in value)
        getattr(state, "string_array_value" if of_texts else "double_array_value").data[:] = value
        return
    kinds: dict[type, str] = {str: "string_value", bool: "bool_value", int: "int_value"}
    setattr(state, kinds.get(type(value), "double_value"), value)


def _proto(name: str) -> Any:
    """A module of Streamlit's messages; Streamlit itself is not started."""
    return import_module(f"streamlit.proto.{name}_pb2")


def _websockets(part: str = "asyncio.client") -> Any:
    try:
        return import_module(f"websockets.{part}")
    except ModuleNotFoundError as error:
        raise NotApplicable(
            'not applicable: websockets is not installed; pip install "muxviz[crowd]"'
        ) from error
