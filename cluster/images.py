"""The container images, made from Debian's packages by mmdebstrap and kept in the cache.

There is no registry to pull from, and none is needed: a layer, a configuration and a manifest in
one tar file is all that an image is.
"""

import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster import binaries, packages, paths
from cluster.commands import ClusterError, run, run_slow, say

PAUSE_IMAGE = "pgkeep.local/pause:1"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

# What a pod never reads; LLVM alone, which only JIT compilation uses, is a third of the whole.
LEFT_OUT = (
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/lintian/*",
    "/usr/lib/*/libLLVM*",
    "/usr/lib/*/libz3*",
    "/usr/lib/llvm-*",
    "/usr/lib/postgresql/*/lib/llvmjit*",
    "/usr/lib/postgresql/*/lib/bitcode/*",
)

# The user gets the numbers of the official image before Debian's package would choose its own;
# the package's cluster is not wanted.
BEFORE_POSTGRES = """
set -e
echo 'postgres:x:999:999::/var/lib/postgresql:/bin/bash' >> "$1/etc/passwd"
echo 'postgres:!:19000::::::' >> "$1/etc/shadow"
echo 'postgres:x:999:' >> "$1/etc/group"
echo 'postgres:!::' >> "$1/etc/gshadow"
mkdir -p "$1/etc/postgresql-common" "$1/var/lib/postgresql/data" "$1/docker-entrypoint-initdb.d"
echo 'create_main_cluster = false' > "$1/etc/postgresql-common/createcluster.conf"
chown -R 999:999 "$1/var/lib/postgresql"
"""

AFTER_POSTGRES = """
set -e
chroot "$1" localedef -i en_US -f UTF-8 en_US.UTF-8
chmod 1777 "$1/var/lib/postgresql/data"
cd "$1"  # not through /var/run, an absolute link that would lead to this machine's own
install -d -o 999 -g 999 -m 3777 run/postgresql
rm -rf usr/share/i18n usr/share/perl/*/Unicode usr/share/perl/*/unicore/lib \
       usr/lib/*/perl/*/CORE usr/lib/*/perl/*/auto/Encode var/cache/* var/log/* var/lib/apt/* \
       etc/ssl/private/* usr/share/doc usr/share/man usr/share/locale
mkdir -p var/lib/apt/lists/partial
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresImage:
    """One PostgreSQL of one Debian release, under the official image's name."""

    major: int
    suite: str

    @property
    def name(self) -> str:
        """Return the name under which containerd knows it."""
        return f"docker.io/library/postgres:{self.major}-{self.suite}"


POSTGRES_17 = PostgresImage(major=17, suite="trixie")
POSTGRES_15 = PostgresImage(major=15, suite="bookworm")
POSTGRES_IMAGES = (POSTGRES_17, POSTGRES_15)


def postgres_archive(image: PostgresImage) -> Path:
    """Return where an image's archive lies once it is made; its name follows from the recipe."""
    hooks = (LEFT_OUT, BEFORE_POSTGRES, AFTER_POSTGRES)
    recipe = repr((image, hooks, _packages(image), _config(image)))
    key = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    return paths.cache_dir() / "images" / f"postgres-{image.major}-{image.suite}-{key}.tar"


def pause_archive() -> Path:
    """Return where the pause image's archive lies once it is made."""
    return paths.cache_dir() / "images" / f"{binaries.path(binaries.PAUSE).name}.tar"


def archives() -> dict[str, Path]:
    """Return every image's name and archive."""
    made = {image.name: postgres_archive(image) for image in POSTGRES_IMAGES}
    return {PAUSE_IMAGE: pause_archive(), **made}


def is_built() -> bool:
    """Say whether every image is in the cache."""
    return all(archive.exists() for archive in archives().values())


def build_pause() -> None:
    """Make the pause image: one static program and nothing else."""
    if pause_archive().exists():
        return
    program = binaries.path(binaries.PAUSE).read_bytes()
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        entry = tarfile.TarInfo("pause")
        entry.size, entry.mode = len(program), 0o755
        tar.addfile(entry, io.BytesIO(program))
    work = _workshop("pause")
    (work / "layer.tar").write_bytes(layer.getvalue())
    _archive(work, PAUSE_IMAGE, {"Entrypoint": ["/pause"], "User": "65535:65535"}, pause_archive())


def build_postgres(wanted: Sequence[PostgresImage] = POSTGRES_IMAGES) -> None:
    """Make those of the PostgreSQL images that are not in the cache yet."""
    for image in wanted:
        archive = postgres_archive(image)
        if archive.exists():
            continue
        say(f"making {image.name} from Debian's packages (once; kept in {archive.parent})")
        work = _workshop(archive.stem)
        _bootstrap(image, work)
        _archive(work, image.name, _config(image), archive)
        for older in archive.parent.glob(f"postgres-{image.major}-{image.suite}-*.tar"):
            if older != archive:
                older.unlink()
        say(f"made {image.name}: {archive.stat().st_size / 1e6:.0f} MB")


def _workshop(name: str) -> Path:
    """Return an empty folder to work in, whatever an interrupted run left there."""
    work = paths.cache_dir() / "work" / name
    if work.exists():
        run(["rm", "-rf", "--one-file-system", work])
    work.mkdir(parents=True)
    return work


def _packages(image: PostgresImage) -> list[str]:
    """Return what is in the image beside Debian's essential packages."""
    return [f"postgresql-{image.major}", "locales", "procps", "tzdata", "zstd"]


def _config(image: PostgresImage) -> dict[str, object]:
    """Return the image's runtime configuration, as the official image has it."""
    home = f"/usr/lib/postgresql/{image.major}/bin"
    return {
        "Env": [
            f"PATH={home}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            f"PG_MAJOR={image.major}",
            "LANG=en_US.utf8",
            "PGDATA=/var/lib/postgresql/data",
        ],
        "Cmd": ["postgres"],
        "StopSignal": "SIGINT",
    }


def _mirrors(suite: str) -> list[str]:
    """Return apt's lines for a Debian release, from the mirrors that this machine itself uses."""
    codename = _codename()
    known = _known_mirrors()
    if codename not in known:
        packages.update()  # apt tells of nothing before it has lists
        known = _known_mirrors()
    if codename not in known:
        raise ClusterError(f"apt on this machine knows no mirror of Debian {codename}")
    wanted = {suite: known[codename]}
    if f"{codename}-updates" in known:
        wanted[f"{suite}-updates"] = known[f"{codename}-updates"]
    if f"{codename}-security" in known:
        wanted[f"{suite}-security"] = known[f"{codename}-security"]
    return [f"deb [signed-by={KEYRING}] {where} {name} main" for name, where in wanted.items()]


def _known_mirrors() -> dict[str, str]:
    """Return the address of every release that apt on this machine reads."""
    fields = run(["apt-get", "indextargets", "--format", "$(CREATED_BY) $(RELEASE) $(REPO_URI)"])
    known: dict[str, str] = {}
    for line in fields.splitlines():
        created_by, _, rest = line.partition(" ")
        release, _, address = rest.partition(" ")
        if created_by == "Packages" and release and address:
            known.setdefault(release, address)
    return known


def _codename() -> str:
    """Return the release this machine runs, such as bookworm."""
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    raise ClusterError("/etc/os-release names no Debian release")


def _bootstrap(image: PostgresImage, work: Path) -> None:
    """Let mmdebstrap make the image's one layer."""
    (work / "tmp").mkdir()
    (work / "tmp").chmod(0o755)
    options = [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
    options += [f"--aptopt={line}" for line in _proxies()]
    run_slow(
        [
            "mmdebstrap",
            "--mode=root",
            "--variant=essential",
            "--include=" + ",".join(_packages(image)),
            "--dpkgopt=force-unsafe-io",
            "--skip=cleanup/run",  # it would take the socket's folder away again
            *options,
            f"--essential-hook={BEFORE_POSTGRES}",
            f"--customize-hook={AFTER_POSTGRES}",
            image.suite,
            work / "layer.tar",
            *_mirrors(image.suite),
        ],
        doing=f"making {image.name}",
        log=paths.cache_dir() / "log" / f"image-{image.major}.log",
        env={"TMPDIR": str(work / "tmp")},
    )


def _proxies() -> list[str]:
    """Return the machine's proxy settings for apt, since mmdebstrap starts from none."""
    dump = run(["apt-config", "dump", "Acquire"]).splitlines()
    return [line for line in dump if "::Proxy" in line and '""' not in line]


def _archive(work: Path, name: str, config: dict[str, object], target: Path) -> None:
    """Put layer, configuration and manifest into one file that containerd can import."""
    layer = work / "layer.tar"
    with layer.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    description = {
        "architecture": run(["dpkg", "--print-architecture"]).strip(),
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    (work / "config.json").write_text(json.dumps(description))
    (work / "manifest.json").write_text(json.dumps(manifest))
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    with tarfile.open(unfinished, "w") as tar:
        for file in ("manifest.json", "config.json", "layer.tar"):
            tar.add(work / file, arcname=file)
    unfinished.replace(target)
    shutil.rmtree(work)
