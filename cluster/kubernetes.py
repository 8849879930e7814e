"""The command line and configuration of every Kubernetes process, in the order they start."""

import json
from collections.abc import Callable
from pathlib import Path

from cluster import api, binaries, network, objects, paths
from cluster import certificates as certs
from cluster.commands import succeeds, write
from cluster.processes import Process

CLUSTER_DOMAIN = "cluster.local"
API_PORT = 6443


def _program(part: str) -> tuple[str, str]:
    """Return the words that run one part of the multi-call program."""
    return (str(binaries.path(binaries.KUBERNETES)), part)


def _well(port: int, path: str = "/healthz", *, tls: bool = False) -> Callable[[], bool]:
    """Return a question about a process's health."""
    return lambda: network.healthy(port, path, certs.authority() if tls else None)


def _config(name: str, content: dict[str, object] | str) -> Path:
    """Write a configuration file and return its path (JSON is YAML)."""
    file = paths.state_dir() / "config" / name
    write(file, content if isinstance(content, str) else json.dumps(content, indent=2))
    return file


def _etcd_socket() -> str:
    return f"unix://{paths.run_dir()}/etcd.sock"


def etcd() -> Process:
    """Return the store of all objects; only its sockets, in a private folder, lead to it."""
    peer = f"unix://{paths.run_dir()}/etcd-peer.sock"
    return Process(
        name="etcd",
        argv=(
            *_program("etcd"),
            "--name=pgkeep",
            f"--data-dir={paths.state_dir()}/etcd",
            f"--listen-client-urls={_etcd_socket()}",
            f"--advertise-client-urls={_etcd_socket()}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=pgkeep={peer}",
            "--listen-metrics-urls=http://127.0.0.1:2381",
            "--log-level=warn",
        ),
        ready=_well(2381, "/health"),
    )


def apiserver() -> Process:
    """Return the API server, with the node's rights limited to what its pods need."""
    issuer = f"https://kubernetes.default.svc.{CLUSTER_DOMAIN}"
    return Process(
        name="kube-apiserver",
        argv=(
            *_program("kube-apiserver"),
            f"--advertise-address={network.NODE_ADDRESS}",
            f"--secure-port={API_PORT}",
            f"--etcd-servers={_etcd_socket()}",
            f"--service-cluster-ip-range={network.SERVICE_RANGE}",
            "--allow-privileged=true",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--profiling=false",
            f"--client-ca-file={certs.authority()}",
            f"--tls-cert-file={certs.APISERVER.certificate}",
            f"--tls-private-key-file={certs.APISERVER.key}",
            f"--kubelet-certificate-authority={certs.authority()}",
            f"--kubelet-client-certificate={certs.APISERVER_TO_KUBELET.certificate}",
            f"--kubelet-client-key={certs.APISERVER_TO_KUBELET.key}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--service-account-issuer={issuer}",
            f"--service-account-key-file={certs.service_account_key()}",
            f"--service-account-signing-key-file={certs.service_account_key()}",
        ),
        reads=(certs.APISERVER.certificate, certs.APISERVER_TO_KUBELET.certificate),
        ready=_well(API_PORT, "/readyz", tls=True),
    )


def forwarder(port: int) -> Process:
    """Return the only way in: a listener on the machine's loopback whose child is inside."""
    # A colon would end socat's address, so those within it are escaped.
    inside = " ".join([*network.enter(), "socat", "STDIO", rf"TCP\:127.0.0.1\:{API_PORT}"])
    return Process(
        name="forwarder",
        argv=(
            "socat",
            f"TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr",
            f"EXEC:{inside},nofork",
        ),
        inside=False,
        ready=api.is_ready,
    )


def _only_one(kubeconfig: Path) -> tuple[str, ...]:
    """Return the options of a process that watches the API and has no twin to elect against."""
    return (
        "--leader-elect=false",
        "--profiling=false",
        "--bind-address=127.0.0.1",
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--tls-cert-file={certs.NODE_SERVER.certificate}",
        f"--tls-private-key-file={certs.NODE_SERVER.key}",
    )


def controllers() -> Process:
    """Return the controllers: Jobs, CronJobs, Deployments, garbage collection..."""
    kubeconfig = certs.kubeconfig(certs.CONTROLLERS)
    return Process(
        name="kube-controller-manager",
        argv=(
            *_program("kube-controller-manager"),
            *_only_one(kubeconfig),
            "--allocate-node-cidrs=true",
            f"--cluster-cidr={network.POD_RANGE}",
            f"--root-ca-file={certs.authority()}",
            f"--service-account-private-key-file={certs.service_account_key()}",
            "--use-service-account-credentials=true",
        ),
        reads=(kubeconfig,),
        ready=_well(10257, tls=True),
    )


def scheduler() -> Process:
    """Return the scheduler."""
    kubeconfig = certs.kubeconfig(certs.SCHEDULER)
    return Process(
        name="kube-scheduler",
        argv=(*_program("kube-scheduler"), *_only_one(kubeconfig)),
        reads=(kubeconfig,),
        ready=_well(10259, tls=True),
    )


def kubelet() -> Process:
    """Return the node's agent. A nearly full disk evicts nobody, and removes no image."""
    config = _config(
        "kubelet.json",
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": network.NODE_ADDRESS,
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(certs.authority())},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(certs.NODE_SERVER.certificate),
            "tlsPrivateKeyFile": str(certs.NODE_SERVER.key),
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{paths.cluster_name()}",
            "failCgroupV1": False,
            "failSwapOn": False,
            "oomScoreAdj": 0,
            "clusterDNS": [network.SERVICE_DNS],
            "clusterDomain": CLUSTER_DOMAIN,
            "resolvConf": str(_config("resolv.conf", "# pods know the cluster's names only\n")),
            "containerRuntimeEndpoint": f"unix://{paths.containerd_socket()}",
            "podLogsDir": str(paths.log_dir() / "pods"),
            "volumePluginDir": str(paths.state_dir() / "kubelet" / "volume-plugins"),
            "makeIPTablesUtilChains": False,
            "enforceNodeAllocatable": ["pods"],
            "evictionHard": {"memory.available": "64Mi"},
            "imageGCHighThresholdPercent": 100,
            "enableDebuggingHandlers": True,
        },
    )
    kubeconfig = certs.kubeconfig(certs.KUBELET)
    return Process(
        name="kubelet",
        argv=(
            *_program("kubelet"),
            f"--config={config}",
            f"--kubeconfig={kubeconfig}",
            f"--root-dir={paths.state_dir()}/kubelet",
            f"--hostname-override={api.NODE}",
            f"--node-ip={network.NODE_ADDRESS}",
        ),
        reads=(config, kubeconfig, certs.NODE_SERVER.certificate),
        ready=lambda: (
            network.healthy(10248, "/healthz") and api.node_is_ready() and api.node_knows_its_pods()
        ),
    )


def proxy() -> Process:
    """Return what makes service addresses work."""
    config = _config(
        "kube-proxy.json",
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "nftables",
            "bindAddress": network.NODE_ADDRESS,
            "healthzBindAddress": "127.0.0.1:10256",
            "metricsBindAddress": "127.0.0.1:10249",
            "clusterCIDR": network.POD_RANGE,
            "clientConnection": {"kubeconfig": str(certs.kubeconfig(certs.PROXY))},
            "hostnameOverride": api.NODE,
            "oomScoreAdj": 0,
            # The machine's own limits stay as they are.
            "conntrack": {
                "maxPerCore": 0,
                "min": 0,
                "tcpEstablishedTimeout": "0s",
                "tcpCloseWaitTimeout": "0s",
            },
        },
    )
    table = [*network.enter(), "nft", "list", "chain", "ip", "kube-proxy", "services"]
    return Process(
        name="kube-proxy",
        argv=(*_program("kube-proxy"), f"--config={config}"),
        reads=(config, certs.kubeconfig(certs.PROXY)),
        ready=lambda: network.healthy(10256, "/healthz") and succeeds(table),
    )


def coredns() -> Process:
    """Return the name server; a name outside the cluster does not exist, which it says at once."""
    kubeconfig = certs.kubeconfig(certs.COREDNS)
    config = _config(
        "Corefile",
        # Two blocks, because `template` answers before `kubernetes` does where both are in one.
        f"""{CLUSTER_DOMAIN}:53 in-addr.arpa:53 {{
    bind {network.NODE_ADDRESS}
    errors
    health 127.0.0.1:8080
    ready 127.0.0.1:8181
    kubernetes {CLUSTER_DOMAIN} in-addr.arpa {{
        kubeconfig {kubeconfig}
        pods insecure
        ttl 5
    }}
}}
.:53 {{
    bind {network.NODE_ADDRESS}
    errors
    template ANY ANY {{
        rcode NXDOMAIN
    }}
}}
""",
    )
    return Process(
        name="coredns",
        argv=(str(binaries.path(binaries.COREDNS)), "-conf", str(config)),
        reads=(config, kubeconfig),
        ready=_well(8181, "/ready"),
    )


def local_path() -> Process:
    """Return the provisioner of local-path volumes; its helper pods use an image that is there."""
    config = _config("local-path.json", objects.local_path_config())
    helper = _config("helper-pod.yaml", objects.HELPER_POD)
    kubeconfig = certs.kubeconfig(certs.LOCAL_PATH)
    name = "local-path-provisioner"
    log = paths.log_dir() / f"{name}.log"
    return Process(
        name=name,
        argv=(
            str(binaries.path(binaries.LOCAL_PATH)),
            "start",
            f"--config={config}",
            f"--helper-pod-file={helper}",
            f"--kubeconfig={kubeconfig}",
            f"--namespace={objects.LOCAL_PATH_NAMESPACE}",
            f"--service-account-name={objects.LOCAL_PATH_ACCOUNT}",
        ),
        reads=(config, helper, kubeconfig),
        ready=lambda: log.exists() and "Started provisioner controller" in log.read_text(),
    )
