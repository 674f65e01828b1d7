"""The import direction `api → node → ledger`, who may import what, and the purity of the ledger's core.

Read from the source with `ast`, so that a module that cannot even be imported is still judged. Every rule is tried on
small sources that break it: a rule that finds nothing anywhere would hold nothing.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
PACKAGES = ("ledger", "node", "api")

# What each package may import of the project: itself and what lies below it.
BELOW = {"ledger": {"ledger"}, "node": {"ledger", "node"}, "api": {"ledger", "node", "api"}}

# Folders of the checkout that are not installed with the packages.
NEVER_SHIPPED = ("tests", "scripts", "benchmarks")

# Distributions that belong to one part of the project only, by import name.
ONLY_IN = {
    "plyvel": ("ledger.store",),
    "rfc8785": (
        "ledger.credentials.jcs",
        "ledger.epcis.json_text",
    ),  # pure, and for the W3C's and GS1's forms: the chain never reads JSON, and keeps an event as bytes
    "click": ("api",),
    "fastapi": ("api",),
    "jinja2": ("api",),
    "markupsafe": ("api.pages",),  # what may be called markup is decided where the templates are
    "rich": ("api",),
    "segno": ("api.qr",),
    "starlette": ("api",),
    "typer": ("api",),
    "uvicorn": ("api",),
}

# Parts of the project that only others may use: they carry no trust, and what does must not come to lean on them.
PARTS_ONLY_IN = {"ledger.credentials": ("ledger.credentials", "api")}


@dataclass(frozen=True, slots=True)
class Extra:
    """A distribution that may be missing: which extra brings it, which modules may use it, and for what."""

    name: str
    modules: tuple[str, ...]
    reason: str


# By import name. All else works without them, so they are imported inside the functions that need them.
EXTRAS = {
    "distributed": Extra("dask", ("api.cli.workers",), "an audit is shared out over a cluster"),
    "pyhanko": Extra(
        "pdf-signatures",
        ("api.cli.pdf_signatures", "api.papers.signing"),
        "what the signatures in a PDF are worth; sheets that are signed as PDF",
    ),
    "pyhanko_certvalidator": Extra(
        "pdf-signatures", ("api.cli.pdf_signatures", "api.papers.signing"), "as above"
    ),
    "pypdf": Extra("papers", ("api.papers.stamping",), "a stamp is laid over a page that exists"),
    "typst": Extra(
        "papers",
        ("api.papers.typesetting", "api.cli.demo_documents"),
        "sheets and stamps are typeset; with it the demo's papers look like papers",
    ),
}

# The parts of `ledger` that touch the disk or the network on behalf of the rest; all else in it is the pure core.
LEDGER_EDGE = ("ledger.store", "ledger.verify.sources")

# The parts of the core that work on a store they are given, and so name its type.
MAY_NAME_THE_STORE = ("ledger.log", "ledger.verify")

# Of the distributions that are imported by another name than their own.
IMPORT_NAMES = {"pynacl": "nacl", "protobuf": "google"}

# All that the core may import beside the standard library and itself.
CORE_DISTRIBUTIONS = {"cryptography", "nacl", "msgpack"}

_FILES = "the caller owns files and directories; the core takes and returns bytes"
_NETWORK = "the caller owns the network; a verifier must work with none"
_CLOCK = "the caller says what time it is, so that every replay of a block gives the same answer"
_RANDOM = "nonces and keys are made by the caller; the same bytes in must give the same bytes out"
_PROCESS = "the environment, processes and signals belong to the program, not to a library of rules"
_PARALLEL = "the caller passes an executor in; the rules themselves run in one thread"

FORBIDDEN_IN_CORE = {
    "aifc": _FILES,
    "asyncio": _NETWORK,
    "calendar": _CLOCK,
    "ctypes": "native code reaches past every rule of this list",
    "fcntl": _FILES,
    "fileinput": _FILES,
    "ftplib": _NETWORK,
    "getpass": _PROCESS,
    "glob": _FILES,
    "gzip": _FILES,
    "http": _NETWORK,
    "importlib": "what is imported stands at the top of the file",
    "locale": "text must not depend on the machine's language",
    "logging": "the core returns or raises; the caller decides what is worth a log line",
    "mmap": _FILES,
    "multiprocessing": _PARALLEL,
    "os": _FILES + "; " + _PROCESS,
    "pathlib": _FILES,
    "pickle": "decoding must never run code",
    "pkgutil": "what is imported stands at the top of the file",
    "platform": "a verdict must not depend on the machine",
    "queue": _PARALLEL,
    "random": _RANDOM,
    "resource": _PROCESS,
    "secrets": _RANDOM,
    "select": _NETWORK,
    "selectors": _NETWORK,
    "shelve": _FILES,
    "shutil": _FILES,
    "signal": _PROCESS,
    "socket": _NETWORK,
    "socketserver": _NETWORK,
    "sqlite3": _FILES,
    "ssl": _NETWORK,
    "subprocess": _PROCESS,
    "sys": _PROCESS,
    "tarfile": _FILES,
    "tempfile": _FILES,
    "threading": _PARALLEL,
    "time": _CLOCK,
    "urllib": _NETWORK,
    "uuid": _RANDOM + " (and a host's address is none of a ledger's business)",
    "warnings": "the core returns or raises",
    "zipfile": _FILES,
    "zoneinfo": "times are milliseconds since the epoch; a time zone is how a page shows them",
}

# (module, import) pairs that stand against the list above, each with its reason.
ALLOWED_ALL_THE_SAME = {
    (
        "ledger.records",
        "importlib",
    ): "a record type is registered by its module's being in this folder, and by nothing else",
    ("ledger.records", "pkgutil"): "as above",
}

FORBIDDEN_CALLS_IN_CORE = {
    "__import__": "what is imported stands at the top of the file",
    "breakpoint": _PROCESS,
    "compile": "decoding must never run code",
    "eval": "decoding must never run code",
    "exec": "decoding must never run code",
    "hash": "Python salts it anew in every process",
    "input": _PROCESS,
    "open": _FILES,
    "print": "the core returns or raises",
}

FORBIDDEN_METHODS_IN_CORE = {
    "fromtimestamp": _CLOCK + " (and in the machine's time zone)",
    "generate": _RANDOM,
    "now": _CLOCK,
    "today": _CLOCK,
    "utcnow": _CLOCK,
}


@dataclass(frozen=True, slots=True)
class Module:
    """One source file: its dotted name, whether it is a package's `__init__`, and its syntax tree."""

    name: str
    is_package: bool
    tree: ast.Module

    def imports(self, *, at_run_time_only: bool = False) -> Iterator[tuple[str, int]]:
        """Dotted names this module imports, each with its line; relative ones made absolute.

        `from a import b` gives both `a` and `a.b`, since `b` may be a module.
        """
        skipped = set(self._type_checking_nodes()) if at_run_time_only else set()
        for node in ast.walk(self.tree):
            if node in skipped:
                continue
            if isinstance(node, ast.Import):
                yield from ((alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = self._absolute(node)
                yield base, node.lineno
                yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)

    def _absolute(self, node: ast.ImportFrom) -> str:
        if node.level == 0:
            return node.module or ""
        parts = self.name.split(".")
        parent = parts[: len(parts) - node.level + self.is_package]
        return ".".join([*parent, node.module] if node.module else parent)

    def _type_checking_nodes(self) -> Iterator[ast.AST]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.If) and ast.unparse(node.test) in {
                "TYPE_CHECKING",
                "typing.TYPE_CHECKING",
            }:
                for statement in node.body:
                    yield from ast.walk(statement)


def run_when_imported(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements of a module that run as soon as it is imported: none inside a function."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        for node in ast.iter_child_nodes(waiting.pop()):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                continue
            if isinstance(node, ast.stmt):
                yield node
            waiting.append(node)


def lies_in(name: str, parents: tuple[str, ...]) -> bool:
    return any(name == parent or name.startswith(f"{parent}.") for parent in parents)


def is_core(module: Module) -> bool:
    return lies_in(module.name, ("ledger",)) and not lies_in(module.name, LEDGER_EDGE)


def direction_faults(module: Module) -> Iterator[str]:
    """Imports of a package that lies above the module's own."""
    home = module.name.split(".")[0]
    others = {*PACKAGES, *NEVER_SHIPPED} - BELOW[home]
    for name, line in module.imports():
        top = name.split(".")[0]
        if top in others:
            yield f"{module.name}:{line} imports {top}: the direction is api → node → ledger, never back"


def ownership_faults(module: Module) -> Iterator[str]:
    """Imports of a library that only another part of the project may use."""
    for name, line in module.imports():
        top = name.split(".")[0]
        if top in ONLY_IN and not lies_in(module.name, ONLY_IN[top]):
            yield f"{module.name}:{line} imports {top}, which only {' and '.join(ONLY_IN[top])} may"


def part_faults(module: Module) -> Iterator[str]:
    """Imports of a part of the project that only others may use."""
    for name, line in module.imports():
        for part, users in PARTS_ONLY_IN.items():
            if lies_in(name, (part,)) and not lies_in(module.name, users):
                yield f"{module.name}:{line} imports {part}, which only {' and '.join(users)} may"


def extra_faults(module: Module) -> Iterator[str]:
    """Imports of what may not be installed: elsewhere than it may be used, or as soon as the module is imported."""
    at_once = {
        node.lineno
        for node in run_when_imported(module.tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    for name, line in module.imports(at_run_time_only=True):
        extra = EXTRAS.get(name.split(".")[0])
        if extra is None:
            continue
        if not lies_in(module.name, extra.modules):
            yield f"{module.name}:{line} imports {name}, which only {' and '.join(extra.modules)} may"
        elif line in at_once:
            yield f"{module.name}:{line} imports {name} at the top: the extra {extra.name} may not be installed"


def purity_faults(module: Module) -> Iterator[str]:
    """Whatever lets a core module touch clock, environment, files, sockets or randomness."""
    if not is_core(module):
        return
    known = {
        *sys.stdlib_module_names,
        *CORE_DISTRIBUTIONS,
        *PACKAGES,
        *ONLY_IN,
        *EXTRAS,
    }  # the last two have rules of their own
    for name, line in module.imports():
        top = name.split(".")[0]
        if (module.name, top) in ALLOWED_ALL_THE_SAME:
            continue
        if top in FORBIDDEN_IN_CORE:
            yield f"{module.name}:{line} imports {top}: {FORBIDDEN_IN_CORE[top]}"
        elif top not in known:
            yield f"{module.name}:{line} imports {top}: the core stands on {sorted(CORE_DISTRIBUTIONS)} alone"
        elif lies_in(name, LEDGER_EDGE) and not lies_in(module.name, MAY_NAME_THE_STORE):
            yield f"{module.name}:{line} imports {name}: the core does not know how it is stored"
    yield from call_faults(module)


def call_faults(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS_IN_CORE:
            yield f"{module.name}:{node.lineno} calls {node.func.id}: {FORBIDDEN_CALLS_IN_CORE[node.func.id]}"
        if isinstance(node.func, ast.Attribute) and node.func.attr in FORBIDDEN_METHODS_IN_CORE:
            yield f"{module.name}:{node.lineno} calls {node.func.attr}: {FORBIDDEN_METHODS_IN_CORE[node.func.attr]}"


def assert_faults(module: Module) -> Iterator[str]:
    """A check that `python -O` removes is no check."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Assert):
            yield f"{module.name}:{node.lineno} uses assert, which is gone under -O: raise instead"


RULES = (direction_faults, ownership_faults, part_faults, extra_faults, purity_faults, assert_faults)


def read_module(path: Path) -> Module:
    parts = path.relative_to(CHECKOUT).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    tree = ast.parse(path.read_bytes(), filename=str(path))
    return Module(".".join(parts[:-1] if is_package else parts), is_package, tree)


def project() -> list[Module]:
    return [read_module(path) for package in PACKAGES for path in sorted((CHECKOUT / package).rglob("*.py"))]


def module(name: str, source: str, *, is_package: bool = False) -> Module:
    return Module(name, is_package, ast.parse(source))


def faults(modules: list[Module]) -> list[str]:
    return list(dict.fromkeys(fault for m in modules for rule in RULES for fault in rule(m)))


def cycle(modules: list[Module]) -> list[str]:
    """A ring of modules that import each other when they run, or nothing."""
    names = {m.name for m in modules}
    graph = {
        m.name: {name for name, _ in m.imports(at_run_time_only=True)} & names - {m.name} for m in modules
    }
    for m in modules:
        # `from package import module` needs the module; that the package's own file runs first is Python's affair.
        graph[m.name] -= {name for name in graph[m.name] if m.name.startswith(f"{name}.")}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        ring: list[str] = error.args[1]
        return ring
    return []


def test_the_project_keeps_every_rule() -> None:
    assert "\n".join(faults(project())) == ""


def import_names(requirements: list[str]) -> set[str]:
    names = {re.split(r"[<>=~!\[; ]", one)[0].lower().replace("-", "_") for one in requirements}
    return {IMPORT_NAMES.get(name, name) for name in names}


def declared() -> tuple[set[str], dict[str, set[str]]]:
    """Import names of what pyproject.toml always asks for, and of what each extra adds."""
    told = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {name: import_names(asked) for name, asked in told["optional-dependencies"].items()}
    return import_names(told["dependencies"]), extras


def test_every_library_that_is_imported_is_declared() -> None:
    always, _ = declared()
    came_along = {"starlette"}  # what FastAPI is made of, and shows in its own interface
    known = {*sys.stdlib_module_names, *PACKAGES, *always, *came_along, *EXTRAS}
    imported = {name.split(".")[0] for m in project() for name, _ in m.imports()}
    assert imported - known == set()


def test_every_extra_is_declared_as_one_and_used_where_the_table_says() -> None:
    always, extras = declared()
    used = {(m.name, name.split(".")[0]) for m in project() for name, _ in m.imports()}
    for library, extra in EXTRAS.items():
        assert library in extras[extra.name], library
        assert library not in always, library
        assert library in extras["test"], f"the tests of {library} need it"
        for name in extra.modules:
            assert (name, library) in used, f"{name} no longer uses {library}"
    # And what an extra asks for is used by the packages, or it would be installed for nothing.
    for extra_name in {extra.name for extra in EXTRAS.values()}:
        assert extras[extra_name] == {
            library for library, extra in EXTRAS.items() if extra.name == extra_name
        }


def test_no_modules_import_each_other_in_a_ring() -> None:
    assert cycle(project()) == []


def test_the_walk_finds_the_modules() -> None:
    names = {m.name for m in project()}
    assert {"ledger", "ledger.errors", "node", "api"} <= names


def test_no_exception_outlives_its_need() -> None:
    used = {(m.name, name.split(".")[0]) for m in project() for name, _ in m.imports()}
    assert set(ALLOWED_ALL_THE_SAME) <= used


@pytest.mark.parametrize(
    ("name", "source", "found"),
    [
        ("ledger.merkle", "import node", "never back"),
        ("ledger.merkle", "from api.http import app", "never back"),
        ("ledger.store.level", "import node.config", "never back"),
        ("node.service", "from api import cli", "never back"),
        ("node.service", "def f():\n    import api.cli", "never back"),
        ("node.service", "import api.http.app", "never back"),
        ("node.engine.embedded", "from ...api import http", "never back"),
        ("api.cli.main", "from tests import reference", "never back"),
        ("node.outbox", "import plyvel", "only ledger.store"),
        ("ledger.log", "from plyvel import DB", "only ledger.store"),
        ("node.service", "from fastapi import FastAPI", "only api"),
        ("node.service", "import uvicorn", "only api"),
        ("ledger.rules", "import typer", "only api"),
        ("node.status", "from rich.table import Table", "only api"),
        ("node.status", "import rich.table", "only api"),
        ("ledger.block", "import os", "files"),
        ("ledger.block", "import os.path", "files"),
        ("ledger.block", "from os import path", "files"),
        ("ledger.block", "from time import time_ns", "what time it is"),
        ("ledger.block", "import random", "made by the caller"),
        ("ledger.keys", "import secrets", "made by the caller"),
        ("ledger.keys", "key = Ed25519PrivateKey.generate()", "made by the caller"),
        ("ledger.block", "import socket", "network"),
        ("ledger.block", "import urllib.request", "network"),
        ("ledger.policy", "from pathlib import Path", "files"),
        ("ledger.policy", "open('policy').read()", "files"),
        ("ledger.policy", "import tempfile", "files"),
        ("ledger.policy", "import subprocess", "processes"),
        ("ledger.verify.audit", "import threading", "executor"),
        ("ledger.verify.audit", "import multiprocessing", "executor"),
        ("ledger.entry", "from datetime import datetime\nnow = datetime.now()", "what time it is"),
        ("ledger.entry", "import httpx", "stands on"),
        ("ledger.entry", "bucket = hash(key)", "salts"),
        ("ledger.entry", "from ledger.store import Store", "how it is stored"),
        ("ledger.state.tree", "from ..store import level", "how it is stored"),
        ("node.outbox", "assert entry", "gone under -O"),
        ("ledger.receipt", "import rfc8785", "only ledger.credentials.jcs"),
        ("api.cli.verify", "from markupsafe import Markup", "only api.pages"),
        ("api.papers.certificates", "import segno", "only api.qr"),
        ("ledger.verdict", "from ledger.credentials import vc", "only ledger.credentials and api"),
        ("node.receipts", "from ledger.credentials.vc import sign", "only ledger.credentials and api"),
        ("api.cli.anchor", "def f():\n    import typst", "only api.papers"),
        ("api.papers.typesetting", "import typst", "may not be installed"),
        (
            "api.papers.stamping",
            "try:\n    from pypdf import PdfReader\nexcept ImportError:\n    pass",
            "may not be installed",
        ),
        ("ledger.claims", "def f():\n    import pypdf", "only api.papers.stamping"),
    ],
)
def test_each_rule_finds_what_breaks_it(name: str, source: str, found: str) -> None:
    reported = faults([module(name, source)])
    assert len(reported) >= 1
    assert all(found in fault for fault in reported)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("ledger.merkle", "import hashlib\nfrom ledger.errors import FormatError\nfrom . import hashing"),
        ("ledger.verify.audit", "from concurrent.futures import Executor\nfrom ledger.store import Store"),
        ("ledger.verify.sources", "import os, pathlib, httpx, time"),
        ("ledger.store.level", "import os\nimport plyvel"),
        ("node.service", "import asyncio, os, time\nimport ledger.block\nfrom node.config import Config"),
        ("api.cli.main", "import typer, rich, uvicorn\nfrom node import service\nfrom ledger import proofs"),
        ("ledger.credentials.jcs", "import json\nimport rfc8785"),
        ("api.certificates.packs", "from ledger.credentials import vc"),
        ("api.papers.stamping", "def f():\n    from pypdf import PdfReader"),
        (
            "api.papers.stamping",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pypdf import PdfReader",
        ),
    ],
)
def test_what_is_allowed_stays_allowed(name: str, source: str) -> None:
    assert faults([module(name, source)]) == []


def test_a_ring_is_found_and_an_import_for_types_is_none() -> None:
    a = module("ledger.a", "from ledger import b")
    assert cycle([a, module("ledger.b", "import ledger.a")]) != []
    for_types = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import ledger.a"
    assert cycle([a, module("ledger.b", for_types)]) == []
