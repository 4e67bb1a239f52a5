"""YAML with its marks: the data, and for each node of it the line and column where the user wrote it."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

import yaml

from vhlocal.errors import InputError
from vhlocal.model import Place
from vhlocal.regular import content_of
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

#: Mapping keys and list indices, from the document's root.
NodePath = tuple[str | int, ...]

_MERGE = "tag:yaml.org,2002:merge"
_TEXT = "tag:yaml.org,2002:str"
_INTEGER = "tag:yaml.org,2002:int"

#: Bytes of a file, keys and values with all aliases expanded, and characters of a number: far more than people write,
#: and read within seconds.
_MOST_BYTES = 1024 * 1024
_MOST_NODES = 50_000
_LONGEST_NUMBER = 300


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong in a file. ``path`` leads to its node."""

    message: str
    place: Place
    path: NodePath = ()
    hint: str | None = None


@dataclass(frozen=True)
class Document:
    """A YAML document: its plain ``data``, its node tree, the ``keys_trouble`` found in its mappings' keys.

    ``source`` is the text of the file.
    """

    file: Path
    data: Any
    root: yaml.Node | None
    keys_trouble: tuple[Trouble, ...] = ()
    source: str = field(default="", repr=False)

    def place(self, path: NodePath = ()) -> Place:
        """Return where a value stands; where none is written, its nearest ancestor.

        A block mapping or list is found at the key that holds it, since that is where a reader looks for it.
        """
        key, value = self._find(path)
        node = key if key is not None and _is_block(value) else value
        return _place(self.file, node)

    def key_place(self, path: NodePath) -> Place:
        """Return where the key (or list item) at ``path`` stands; where none is written, its nearest ancestor."""
        key, value = self._find(path)
        return _place(self.file, key or value)

    def text(self, path: NodePath) -> str:
        """Return a scalar as it is written, so that ``1.10`` keeps its zero; empty for anything else."""
        node = self._find(path)[1]
        return str(node.value) if isinstance(node, yaml.ScalarNode) else ""

    def find_text(self, path: NodePath, text: str) -> Place | None:
        """Return where the first scalar that reads ``text`` stands at or below ``path``, or None."""
        for node in _scalars(self._find(path)[1]):
            if node.value == text:
                return _place(self.file, node)
        return None

    def with_keys(self, names: Mapping[str, str]) -> Document:
        """Return the document with some keys of its topmost mapping called by other names."""
        data = {names.get(key, key): value for key, value in self.data.items()}
        for key, _ in self.root.value if isinstance(self.root, yaml.MappingNode) else ():
            key.value = names.get(key.value, key.value)
        return replace(self, data=data)

    def _find(self, path: NodePath) -> tuple[yaml.Node | None, yaml.Node | None]:
        key, node = None, self.root
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            key, node = found
        return key, node


def read_document(file: Path) -> Document:
    """Read and compose ``file``. InputError, with the place, for what is no UTF-8 or no YAML."""
    try:
        text = content_of(file, _MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InputError(
            "this is not UTF-8 text", place=Place(file, line), hint="save the file with UTF-8 encoding"
        ) from error
    except OSError as error:
        raise InputError(f"the file cannot be read: {error.strerror}", place=Place(file)) from error
    return compose(text, file)


def compose(text: str, file: Path) -> Document:
    """Compose a YAML text; ``file`` is what its places name. InputError, with the place, for what is no YAML."""
    loader: _Loader | None = None
    try:
        loader = _Loader(text, file)
        root = loader.get_single_node()
        _size(file, root, {})
        troubles = tuple(_keys_trouble(file, root, (), ()))
        data = None if root is None else loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file) if mark is None else Place(file, mark.line + 1, mark.column + 1)
        problem = ", ".join(filter(None, (error.context, error.problem)))
        raise InputError(f"this is not valid YAML: {problem}", place=place, hint=_hint(text, place)) from error
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise InputError("this is not valid YAML: a character that YAML forbids", place=Place(file, line)) from error
    except RecursionError as error:
        raise InputError("this YAML is nested too deeply", place=Place(file)) from error
    except ValueError as error:  # an impossible date, such as 2024-02-31
        raise InputError(f"this YAML has a value that cannot be read: {error}", place=Place(file)) from error
    finally:
        if loader is not None:
            loader.dispose()
    return Document(file, data, root, troubles, text)


class _Loader(yaml.SafeLoader):
    """Reads no more than ``_MOST_NODES`` keys and values."""

    def __init__(self, text: str, file: Path) -> None:
        super().__init__(text)
        self._file = file
        self._nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._nodes += 1
        if self._nodes > _MOST_NODES:
            raise _too_many(Place(self._file, self.line + 1))
        return super().compose_node(parent, index)


def _too_many(place: Place, end: str = "") -> InputError:
    return InputError(f"this YAML has more than {_MOST_NODES:,} keys and values{end}", place=place)


def _size(file: Path, node: yaml.Node | None, known: dict[int, int]) -> int:
    """Return the number of nodes at and below one, with aliases expanded. InputError for more than are read."""
    if not isinstance(node, yaml.CollectionNode):
        if node is not None and node.tag == _INTEGER and len(node.value) > _LONGEST_NUMBER:
            raise InputError(f"this number has more than {_LONGEST_NUMBER} digits", place=_place(file, node))
        return 1
    if id(node) not in known:
        known[id(node)] = 0  # stands in the sums of those within, which refer to it: they are refused later
        below = (part for item in node.value for part in (item if isinstance(item, tuple) else (item,)))
        known[id(node)] = 1 + sum(_size(file, part, known) for part in below)
        if known[id(node)] > _MOST_NODES:
            raise _too_many(_place(file, node), ", aliases expanded")
    return known[id(node)]


def raise_troubles(troubles: Sequence[Trouble]) -> None:
    """Raise all troubles as one InputError, in the order of the file: the first in full, the rest as its detail."""
    if not troubles:
        return
    first, *rest = sorted(troubles, key=lambda trouble: (trouble.place.line or 0, trouble.place.column or 0))
    detail = "\n".join(f"{trouble.place}: {trouble.message}" for trouble in rest)
    raise InputError(first.message, place=first.place, hint=first.hint, detail=detail or None)


def _hint(text: str, place: Place) -> str | None:
    lines = text.splitlines()
    if place.line is not None and place.line <= len(lines) and "\t" in lines[place.line - 1]:
        return "indent with spaces: YAML does not allow tabs"
    return None


def _child(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node | None, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        # From the end: after a merge, a mapping's own keys come last, and they win.
        for key, value in reversed(node.value):
            if isinstance(key, yaml.ScalarNode) and key.value == str(step):
                return key, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return None, node.value[step]
    return None


def _is_block(node: yaml.Node | None) -> bool:
    return isinstance(node, yaml.CollectionNode) and not node.flow_style


def _place(file: Path, node: yaml.Node | None) -> Place:
    if node is None or node.start_mark is None:
        return Place(file)
    return Place(file, node.start_mark.line + 1, node.start_mark.column + 1)


def _scalars(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _scalars(item)
    elif isinstance(node, yaml.MappingNode):
        for _, value in node.value:
            yield from _scalars(value)


def _keys_trouble(file: Path, node: yaml.Node | None, path: NodePath, above: tuple[int, ...]) -> Iterator[Trouble]:
    if isinstance(node, yaml.ScalarNode) or node is None:
        return
    if id(node) in above:
        raise InputError("this YAML refers to itself", place=_place(file, node))
    above = (*above, id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _keys_trouble(file, item, (*path, index), above)
        return
    seen: dict[str, Place] = {}
    for key, value in node.value:
        if key.tag == _MERGE:
            continue
        place = _place(file, key)
        name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
        below = (*path, name)
        if key.tag != _TEXT:
            yield Trouble("a key must be text", place, below, f'put it in quotes: "{name}"' if name else None)
        elif name in seen:
            yield Trouble(
                f"the key `{name}` is written twice, first on line {seen[name].line}",
                place,
                below,
                "remove one of them",
            )
        seen.setdefault(name, place)
        yield from _keys_trouble(file, value, below, above)
