"""Access: a ServiceAccount for each workload, and the Role of an operator.

It binds the Role to nobody: who operates is the cluster's business. The pods have no Kubernetes
rights at all, and not even a token.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components import names

_LOOK = ("get", "list", "watch")
# The plural that the API knows a kind of application by.
_PLURALS = {"deployment": "deployments", "statefulset": "statefulsets"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessArgs:
    """Inputs of Access."""

    instance: str
    namespace: pulumi.Input[str]
    applications: Sequence[str]


class Access(pulumi.ComponentResource):
    """Identities without rights for the pods, and the rights an operator needs."""

    backup_account: pulumi.Output[str]
    """Name of the ServiceAccount of backups."""
    console_account: pulumi.Output[str]
    """Name of the ServiceAccount of the console."""
    restore_account: pulumi.Output[str]
    """Name of the ServiceAccount of restores."""
    operator_role: pulumi.Output[str]
    """Name of the Role for operators."""

    def __init__(
        self, name: str, args: AccessArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declares the ServiceAccounts and the Role."""
        super().__init__("pgkeep:index:Access", name, None, opts)
        self._args = args
        self.backup_account = self._account(f"{name}-backup", names.BACKUP, "backup")
        self.console_account = self._account(f"{name}-console", names.CONSOLE, "console")
        self.restore_account = self._account(f"{name}-restore", names.RESTORE, "restore")
        role = k8s.rbac.v1.Role(
            f"{name}-operator",
            metadata=self._metadata(names.OPERATOR_ROLE, "access"),
            rules=operator_rules(args.applications),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.operator_role = role.metadata["name"]
        self.register_outputs(
            {
                "backup_account": self.backup_account,
                "console_account": self.console_account,
                "restore_account": self.restore_account,
                "operator_role": self.operator_role,
            }
        )

    def _metadata(self, object_name: str, component: str) -> k8s.meta.v1.ObjectMetaArgs:
        return k8s.meta.v1.ObjectMetaArgs(
            name=object_name,
            namespace=self._args.namespace,
            labels=names.labels(self._args.instance, component),
        )

    def _account(self, resource_name: str, name: str, component: str) -> pulumi.Output[str]:
        """Declares an account per workload, so that one can be granted something alone."""
        account = k8s.core.v1.ServiceAccount(
            resource_name,
            metadata=self._metadata(name, component),
            automount_service_account_token=False,
            opts=pulumi.ResourceOptions(parent=self),
        )
        return account.metadata["name"]


def operator_rules(applications: Sequence[str]) -> list[k8s.rbac.v1.PolicyRuleArgs]:
    """Returns what the tool and the helper commands need, and nothing for the Secret."""
    rules = [
        _rule("batch", ["cronjobs"], _LOOK),
        # Whoever may create Jobs in a namespace can run any pod there, with any of its Secrets and
        # volumes: bind this Role only to people who may read the database.
        # delete: a run that was interrupted by its operator is taken away with its pod.
        _rule("batch", ["jobs"], (*_LOOK, "create", "delete")),
        _rule("", ["pods"], _LOOK),
        _rule("", ["pods/log"], ("get",)),
        # Why a pod does not start: an image that is not there, a volume that is not bound.
        _rule("", ["events"], ("list", "watch")),
        # Which databases there are, where, and what is stopped around a restore; no credential.
        _rule("", ["configmaps"], ("get",), [names.SETTINGS]),
    ]
    for kind, plural in _PLURALS.items():
        own = [name for one, _, name in (app.partition("/") for app in applications) if one == kind]
        if own:
            # By name: of the other applications in the namespace not even their spec can be read.
            # patch: replicas, and an annotation that remembers them while it is stopped. With it an
            # operator could also change the pods, which creating Jobs allows anyway.
            rules.append(_rule("apps", [plural], (*_LOOK, "patch"), own))
            rules.append(_rule("apps", [f"{plural}/scale"], ("get", "patch"), own))
    if applications:
        # An autoscaler would start a stopped application again; the tool warns of it.
        rules.append(_rule("autoscaling", ["horizontalpodautoscalers"], ("list",)))
    return rules


def _rule(
    group: str, resources: list[str], verbs: Sequence[str], resource_names: list[str] | None = None
) -> k8s.rbac.v1.PolicyRuleArgs:
    return k8s.rbac.v1.PolicyRuleArgs(
        api_groups=[group], resources=resources, verbs=list(verbs), resource_names=resource_names
    )
