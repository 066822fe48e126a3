"""The source text as data: files, modules, imports, strings.

Owns: how the tests of this folder read the tree.
Never: imports what it reads, or decides what is allowed.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
GENERATED = {"target", "node_modules", "__pycache__", "dist", "build"}
READ_BY_PEOPLE = {
    *(".py", ".pyi", ".rs", ".sql", ".toml", ".md", ".yaml", ".yml", ".vue", ".ts", ".js"),
}


@dataclass(frozen=True)
class Module:
    """One Python file of a tree that is imported from ``base``."""

    base: Path
    path: Path

    @property
    def name(self) -> str:
        parts = self.path.relative_to(self.base).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def package(self) -> str:
        return self.name if self.path.stem == "__init__" else self.name.rpartition(".")[0]

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, str(self.path))


def modules(base: Path = SRC) -> list[Module]:
    """Every module below ``base``, in order of its name."""
    files = (path for path in base.rglob("*.py*") if path.suffix in {".py", ".pyi"})
    return [Module(base, path) for path in sorted(files) if not GENERATED & set(path.parts)]


def imports(base: Path = SRC) -> list[tuple[str, str]]:
    """Every import of our own modules as (source, target): lazy, type-only and by name alike."""
    known = {module.name for module in modules(base)}
    pairs = {
        (module.name, target)
        for module in modules(base)
        for target in _named(module, known)
        if target != module.name
    }
    return sorted(pairs)


def _named(module: Module, known: set[str]) -> Iterator[str]:
    for node in ast.walk(module.tree):
        for name in _names_in(node, module):
            target = _longest_known(name, known)
            if target is not None:
                yield target


def _names_in(node: ast.AST, module: Module) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        start = _start(node, module)
        yield from (f"{start}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Call) and _callee(node) in {"import_module", "__import__"}:
        yield from (arg.value for arg in node.args if _is_text(arg))  # type: ignore[attr-defined]


def _start(node: ast.ImportFrom, module: Module) -> str:
    if not node.level:
        return node.module or ""
    above = module.package.split(".")[: len(module.package.split(".")) - node.level + 1]
    return ".".join([*above, node.module] if node.module else above)


def _callee(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _longest_known(name: str, known: set[str]) -> str | None:
    """`a.b.thing` is the module `a.b` when `a.b.thing` is no module itself."""
    parts = name.split(".")
    candidates = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((candidate for candidate in candidates if candidate in known), None)


def strings(module: Module) -> list[str]:
    """Every text of a module that is not a docstring, f-strings in one piece."""
    docstrings = {id(text) for text in map(_docstring, ast.walk(module.tree)) if text}
    pieces = {
        id(piece)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.JoinedStr)
        for piece in node.values
    }
    found = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.JoinedStr):
            found.append("".join(map(_piece, node.values)))
        elif _is_text(node) and id(node) not in docstrings | pieces:
            found.append(node.value)  # type: ignore[attr-defined]
    return found


def _docstring(node: ast.AST) -> ast.AST | None:
    body = getattr(node, "body", None)
    first = body[0] if isinstance(body, list) and body else None
    return first.value if isinstance(first, ast.Expr) and _is_text(first.value) else None


def _piece(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else "{}"


def papers() -> list[Path]:
    """Every file of the project that people write."""
    found = [path for path in ROOT.rglob("*") if path.suffix in READ_BY_PEOPLE and path.is_file()]
    found += [ROOT / ".ci" / "run"]
    return sorted(path for path in found if not _is_made(path.relative_to(ROOT)))


def _is_made(path: Path) -> bool:
    hidden = {part for part in path.parts[:-1] if re.match(r"\.(?!ci$)", part)}
    return bool(hidden or GENERATED & set(path.parts))
