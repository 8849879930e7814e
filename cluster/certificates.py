"""The cluster's own certificate authority, and who is who: certificates, keys and kubeconfigs."""

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from cluster import paths
from cluster.commands import run, write
from cluster.network import NODE_ADDRESS, SERVICE_KUBERNETES

DAYS = "3650"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whom a certificate names: a user with its group, or a server with its names."""

    name: str
    user: str
    group: str = ""
    served: tuple[str, ...] = ()

    @property
    def certificate(self) -> Path:
        """Return the certificate's file."""
        return folder() / f"{self.name}.crt"

    @property
    def key(self) -> Path:
        """Return the private key's file."""
        return folder() / f"{self.name}.key"


ADMIN = Identity(name="admin", user="pgkeep:admin", group="system:masters")
APISERVER = Identity(
    name="apiserver",
    user="kube-apiserver",
    served=(
        "DNS:kubernetes",
        "DNS:kubernetes.default",
        "DNS:kubernetes.default.svc",
        "DNS:kubernetes.default.svc.cluster.local",
        "DNS:localhost",
        "IP:127.0.0.1",
        f"IP:{NODE_ADDRESS}",
        f"IP:{SERVICE_KUBERNETES}",
    ),
)
# Managers and kubelet serve their health on the namespace's loopback and on the node's address.
NODE_SERVER = Identity(
    name="node-server",
    user="pgkeep-node",
    served=("DNS:localhost", "IP:127.0.0.1", f"IP:{NODE_ADDRESS}"),
)
APISERVER_TO_KUBELET = Identity(name="apiserver-to-kubelet", user="pgkeep:apiserver-to-kubelet")
CONTROLLERS = Identity(name="controller-manager", user="system:kube-controller-manager")
SCHEDULER = Identity(name="scheduler", user="system:kube-scheduler")
KUBELET = Identity(name="kubelet", user="system:node:pgkeep", group="system:nodes")
PROXY = Identity(name="proxy", user="system:kube-proxy")
COREDNS = Identity(name="coredns", user="pgkeep:coredns")
LOCAL_PATH = Identity(name="local-path", user="pgkeep:local-path")

SERVERS = (APISERVER, NODE_SERVER, APISERVER_TO_KUBELET)
USERS = (ADMIN, CONTROLLERS, SCHEDULER, KUBELET, PROXY, COREDNS, LOCAL_PATH)


def folder() -> Path:
    """Return the folder of certificates and keys."""
    return paths.state_dir() / "certificates"


def authority() -> Path:
    """Return the certificate that everyone trusts."""
    return folder() / "ca.crt"


def authority_key() -> Path:
    """Return the key that signs."""
    return folder() / "ca.key"


def service_account_key() -> Path:
    """Return the key that signs the tokens of service accounts."""
    return folder() / "service-accounts.key"


def kubeconfig(identity: Identity) -> Path:
    """Return the kubeconfig by which one of the cluster's own processes reaches the API server."""
    return folder() / f"{identity.name}.kubeconfig"


def ensure(port: int) -> None:
    """Make what is missing: everything is made once, and found again by every later start."""
    folder().mkdir(parents=True, exist_ok=True)
    folder().chmod(0o700)
    _ensure_authority()
    if not service_account_key().exists():
        key = run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout"])
        write(service_account_key(), key)
    for identity in (*SERVERS, *USERS):
        _ensure_signed(identity)
    for identity in USERS:
        write(kubeconfig(identity), _kubeconfig(identity, port=6443))
    write(paths.kubeconfig_path(), _kubeconfig(ADMIN, port=port))


def _ensure_authority() -> None:
    """Make the authority unless a whole one is there; its certificate is written last."""
    if authority().exists():
        return
    unfinished = folder() / "ca.unfinished"
    _openssl(
        "/CN=pgkeep-cluster-ca",
        ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"],
        ["-keyout", authority_key(), "-out", unfinished],
    )
    unfinished.replace(authority())


def _ensure_signed(identity: Identity) -> None:
    """Make a certificate unless the one there says the same and comes from the same authority."""
    wanted = hashlib.sha256(repr(identity).encode() + authority().read_bytes()).hexdigest()
    done = folder() / f"{identity.name}.done"
    if done.exists() and done.read_text() == wanted:
        return
    subject = (f"/O={identity.group}" if identity.group else "") + f"/CN={identity.user}"
    extensions = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature"]
    if identity.served:
        extensions.append("extendedKeyUsage=serverAuth")
        extensions.append("subjectAltName=" + ",".join(identity.served))
    else:
        extensions.append("extendedKeyUsage=clientAuth")
    signer = ["-CA", authority(), "-CAkey", authority_key()]
    _openssl(subject, extensions, [*signer, "-keyout", identity.key, "-out", identity.certificate])
    write(done, wanted)  # last: an interrupted pair is made anew


def _openssl(subject: str, extensions: list[str], more: list[str | Path]) -> None:
    """Make a key and a certificate; openssl gives the key to its owner alone."""
    words: list[str | Path] = ["openssl", "req", "-x509", "-nodes", "-days", DAYS, "-subj", subject]
    words += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    for extension in extensions:
        words += ["-addext", extension]
    run([*words, *more])


def _kubeconfig(identity: Identity, *, port: int) -> str:
    """Return a kubeconfig (JSON, which is YAML) that carries its certificates."""
    name = paths.cluster_name()
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [
                {
                    "name": name,
                    "cluster": {
                        "server": f"https://127.0.0.1:{port}",
                        "certificate-authority-data": _embedded(authority()),
                    },
                }
            ],
            "users": [
                {
                    "name": identity.name,
                    "user": {
                        "client-certificate-data": _embedded(identity.certificate),
                        "client-key-data": _embedded(identity.key),
                    },
                }
            ],
            "contexts": [{"name": name, "context": {"cluster": name, "user": identity.name}}],
        },
        indent=2,
    )


def _embedded(file: Path) -> str:
    """Return a file as kubeconfigs carry it, so that one file can be copied anywhere."""
    return base64.b64encode(file.read_bytes()).decode()
