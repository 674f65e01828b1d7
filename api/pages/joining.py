"""ES modules put into one script, in the order in which they need each other.

Our modules lie in the repository, and are tested, as they are: there is no build step. But a phone on a slow network would
ask for each of them by itself; so pages are served all of theirs in one piece, and `verifier.html` holds them the same way.

What a module loads by `import("./…")` is a part: it is served as a script of its own, whose modules import from the page's
script what stands there already, so that nothing is run twice. In `verifier.html`, and where a page imports it anyway, it is
in the one script.

Rules: `import` and `export` are rewritten by a few patterns that know the forms which our modules use, at the start of a line,
and any other form is refused: it is a mistake of ours that the tests see, and never a page that half works. Modules that import
each other in a circle are refused, and a module that two parts would bring along.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_FROM = r"""\s*from\s*["']([^"'\n]+)["'];?[ \t]*$"""
_IMPORT_NAMES = re.compile(r"^import\s*\{([^}]*)\}" + _FROM, re.MULTILINE)
_IMPORT_DEFAULT = re.compile(r"^import\s+(\w+)" + _FROM, re.MULTILINE)
_IMPORT_ALL = re.compile(r"^import\s*\*\s*as\s+(\w+)" + _FROM, re.MULTILINE)
_IMPORT_BARE = re.compile(r"""^import\s*["']([^"'\n]+)["'];?[ \t]*$""", re.MULTILINE)
_LATER = re.compile(r"""=>\s*import\("([^"\n]+)"\)(?!\s*\.)""")
_EXPORT_FROM = re.compile(r"^export\s*\{([^}]*)\}" + _FROM, re.MULTILINE)
_EXPORT_DEFAULT = re.compile(r"^export\s+default\s+", re.MULTILINE)
_EXPORT_NAMED = re.compile(r"^export\s+((?:async\s+)?function\*?|const|class)\s+(\w+)", re.MULTILINE)
_NOTE = re.compile(r"^[ \t]*(?:/\*\*(?:[^*]|\*(?!/))*\*/|//[^\n]*)[ \t]*\n", re.MULTILINE)
_LEFT = re.compile(
    # A statement, or outside of comments an import that is loaded later.
    r"^(?:import|export)\b.*|^(?![ \t]*(?:/?\*|//))(?:(?!//|/\*).)*\bimport\(.*",
    re.MULTILINE,
)
_IMPORT = re.compile(
    r"""^(?:import|export)\b(?:[^;'"()]*?\bfrom)?\s*["']([^"'\n]+)["'];?[ \t]*$""", re.MULTILINE
)


def imports_of(source: str) -> list[str]:
    """What a module imports statically, in order. An import begins its line, and ends one."""
    return [match[1] for match in _IMPORT.finditer(source)]


def later_imports_of(source: str) -> list[str]:
    """What a module imports when it is needed: `() => import("./…")`. Where a name follows it is a type in a comment."""
    return [match[1] for match in _LATER.finditer(source)]


def resolve(base: str, name: str) -> str:
    """The path of what the module at `base` calls `name`. Raises ValueError for a name that is not relative."""
    if not name.startswith(("./", "../")):
        raise ValueError(f"{base} imports {name!r}: modules here are named by relative paths")
    parts = base.split("/")[:-1]
    for part in name.split("/"):
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


class JoinError(ValueError):
    """A module has a form that this joiner does not know."""


def joined(sources: Mapping[str, str], entry: str) -> str:
    """The module `entry` and all that it imports, now or later, by path in `sources`, as one script. Raises JoinError."""
    order = _order(sources, entry)
    # What comes later stands before the entry: nothing asks for it until that runs.
    order.pop()
    for part in _parts(sources, [*order, entry]):
        _visit(sources, part, order, (entry,))
    order.append(entry)
    names = _names(order)
    return "\n".join(_wrapped(path, sources[path], names, {}) for path in order)


def joined_parts(sources: Mapping[str, str], entry: str, name: str) -> dict[str, str]:
    """As `joined`, in several scripts that lie in one folder: `name` for the entry, and one for each part. Raises JoinError."""
    order = _order(sources, entry)
    parts = {part: f"{name.removesuffix('.js')}.{part.rpartition('/')[2]}" for part in _parts(sources, order)}
    inside = {part: _order(sources, part, order) for part in parts}
    everything = [*order, *(path for paths in inside.values() for path in paths)]
    if len(set(everything)) < len(everything) or len({name, *parts.values()}) <= len(parts):
        raise JoinError(f"{entry}: two parts would hold one module, or have one name")
    names = _names(everything)
    scripts = {name: [_wrapped(path, sources[path], names, parts) for path in order]}
    shared: set[str] = set()
    for part, paths in inside.items():
        wrapped = [_wrapped(path, sources[path], names, parts) for path in paths]
        wanted = {resolve(path, one) for path in paths for one in imports_of(sources[path])} - set(paths)
        shared |= wanted
        given = ", ".join(_exports(sources[part]))
        here = ", ".join(names[path] for path in sorted(wanted))
        scripts[parts[part]] = [
            f'import {{ {here} }} from "./{name}";',
            *wrapped,
            f"export const {{ {given} }} = {names[part]};",
        ]
    if shared:
        scripts[name].append("export { " + ", ".join(names[path] for path in sorted(shared)) + " };")
    return {script: "\n".join(lines) for script, lines in scripts.items()}


def _order(sources: Mapping[str, str], entry: str, there: Sequence[str] = ()) -> list[str]:
    """The modules that `entry` needs at once and that are not `there`, each behind what it needs."""
    order = list(there)
    _visit(sources, entry, order, ())
    return order[len(there) :]


def _parts(sources: Mapping[str, str], order: Sequence[str]) -> list[str]:
    """What is loaded later, by modules of `order` or by what these load, and is not in `order`."""
    found: dict[str, None] = {}
    waiting = list(order)
    while waiting:
        path = waiting.pop(0)
        for name in later_imports_of(sources[path]):
            part = resolve(path, name)
            if part not in order and part not in found:
                found[part] = None
                waiting += _order(sources, part, order)
    return list(found)


def _names(order: Sequence[str]) -> dict[str, str]:
    return {path: f"module{at}" for at, path in enumerate(order)}


def _exports(source: str) -> list[str]:
    """What a part gives. Raises JoinError for one that hands on what another module gives, or has a default."""
    if _EXPORT_FROM.search(source) or _EXPORT_DEFAULT.search(source):
        raise JoinError("a part exports by name what is its own")
    return [match[2] for match in _EXPORT_NAMED.finditer(source)]


def without_notes(source: str) -> str:
    """A script without the comments that begin a line: nearly half of what a phone would load."""
    return _NOTE.sub("", source)


def _visit(sources: Mapping[str, str], path: str, order: list[str], above: tuple[str, ...]) -> None:
    if path in above:
        raise JoinError(f"modules import each other in a circle: {' → '.join((*above, path))}")
    if path in order:
        return
    for name in imports_of(sources[path]):
        _visit(sources, resolve(path, name), order, (*above, path))
    order.append(path)


def _wrapped(path: str, source: str, names: Mapping[str, str], parts: Mapping[str, str]) -> str:
    exports: dict[str, str] = {}

    def module(name: str) -> str:
        return names[resolve(path, name)]

    def export_named(match: re.Match[str]) -> str:
        exports[match[2]] = match[2]
        return f"{match[1]} {match[2]}"

    def export_default(_: re.Match[str]) -> str:
        exports["default"] = "theDefault"
        return "const theDefault = "

    def export_from(match: re.Match[str]) -> str:
        for here, there in _pairs(match[1], path):
            exports[there] = f"{module(match[2])}.{here}"
        return ""

    def import_names(match: re.Match[str]) -> str:
        bindings = ", ".join(f"{here}: {there}" for here, there in _pairs(match[1], path))
        return f"const {{ {bindings} }} = {module(match[2])};"

    def import_later(match: re.Match[str]) -> str:
        target = resolve(path, match[1])
        return (
            f'=> import("./{parts[target]}")' if target in parts else f"=> Promise.resolve({names[target]})"
        )

    text = _IMPORT_NAMES.sub(import_names, source)
    text = _IMPORT_BARE.sub("", text)
    text = _IMPORT_DEFAULT.sub(lambda match: f"const {match[1]} = {module(match[2])}.default;", text)
    text = _IMPORT_ALL.sub(lambda match: f"const {match[1]} = {module(match[2])};", text)
    text = _EXPORT_FROM.sub(export_from, text)
    text = _EXPORT_DEFAULT.sub(export_default, text)
    text = _EXPORT_NAMED.sub(export_named, text)
    left = _LEFT.search(_LATER.sub("", text))
    if left:
        raise JoinError(f"{path}: this joiner does not know {left[0][:60]!r}")
    text = _LATER.sub(import_later, text)
    given = ", ".join(f"{name}: {value}" for name, value in exports.items())
    return f"const {names[path]} = (() => {{\n{text.strip()}\nreturn Object.freeze({{ {given} }});\n}})();"


def _pairs(text: str, path: str) -> list[tuple[str, str]]:
    found = []
    for item in text.split(","):
        words_of = item.split()
        if not words_of:
            continue
        if len(words_of) == 1:
            found.append((words_of[0], words_of[0]))
        elif len(words_of) == 3 and words_of[1] == "as":
            found.append((words_of[0], words_of[2]))
        else:
            raise JoinError(f"{path}: this joiner does not know {item.strip()!r}")
    return found
