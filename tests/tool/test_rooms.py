"""The tool's folders are rooms on floors: a room imports only from the rooms below it."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pgkeep

HOUSE = Path(pgkeep.__file__).parent
# From the top to the ground; a file at the top of the house is a room of its own.
FLOORS = (
    "__main__",
    "cli",
    "commands",
    "restoring",
    "catalog",
    "session",
    "kube",
    "terminal",
    "environment",
    "errors",
    "__init__",
)


def modules() -> dict[str, Path]:
    """The files of the tool by their dotted names below `pgkeep`."""
    return {
        ".".join(path.relative_to(HOUSE).with_suffix("").parts): path
        for path in HOUSE.rglob("*.py")
    }


def imports(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """The tool's own modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports by a relative name, which this cannot follow"
            names = [str(node.module)]
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            inner = name.removeprefix("pgkeep.")
            if name != inner and inner in known:
                yield inner


def room(module: str) -> str:
    return module.partition(".")[0]


def test_every_file_lies_in_a_room_that_has_a_floor() -> None:
    assert {room(module) for module in modules()} == set(FLOORS)


def test_a_room_imports_only_from_rooms_below_it() -> None:
    known = modules()
    upwards = [
        f"{module} imports {inner}"
        for module, path in known.items()
        for inner in imports(path, known)
        if FLOORS.index(room(inner)) < FLOORS.index(room(module))
    ]
    assert upwards == []


def test_no_files_import_each_other_in_a_circle() -> None:
    known = modules()
    graph = {module: set(imports(path, known)) for module, path in known.items()}
    assert sum(map(len, graph.values())) > 100, "the imports are seen"
    TopologicalSorter(graph).prepare()
