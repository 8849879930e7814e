"""Command lines for kubectl, to be pasted. Pure."""

import shlex


def kubectl(namespace: str, *arguments: str, context: str = "", kubeconfig: str = "") -> str:
    """A kubectl command line that can be pasted, for the same cluster and namespace."""
    words = ["kubectl"]
    if kubeconfig:
        words += ["--kubeconfig", kubeconfig]
    if context:
        words += ["--context", context]
    return shlex.join([*words, "--namespace", namespace, *arguments])
