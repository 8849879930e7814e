"""BackupVolume: the claim that holds the backups.

It makes no StorageClass and no PersistentVolume, and it never lets Pulumi delete the claim. Whether
the disk outlives the claim is the storage class' reclaimPolicy, which a claim cannot change.
"""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components import names
from components.settings.model import VolumeSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupVolumeArgs:
    """Inputs of BackupVolume."""

    instance: str
    namespace: pulumi.Input[str]
    volume: VolumeSettings


class BackupVolume(pulumi.ComponentResource):
    """A claim with a fixed name, which Pulumi neither replaces nor deletes."""

    claim_name: pulumi.Output[str]
    """Name of the PersistentVolumeClaim."""

    def __init__(
        self, name: str, args: BackupVolumeArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declares the claim."""
        super().__init__("pgkeep:index:BackupVolume", name, None, opts)
        claim = k8s.core.v1.PersistentVolumeClaim(
            f"{name}-claim",
            metadata=k8s.meta.v1.ObjectMetaArgs(
                # Fixed: a generated name would quietly begin again on an empty volume.
                name=args.volume.name,
                namespace=args.namespace,
                labels=names.labels(args.instance, "storage"),
            ),
            spec=k8s.core.v1.PersistentVolumeClaimSpecArgs(
                access_modes=["ReadWriteOnce"],
                # Explicit: the cluster's default class may change, and a change replaces the claim.
                storage_class_name=args.volume.storage_class,
                resources=k8s.core.v1.VolumeResourceRequirementsArgs(
                    requests={"storage": args.volume.size}
                ),
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                # On the claim itself: a component's retain_on_delete does not reach its children.
                # protect stops a plan that would delete or replace it; retain_on_delete keeps it
                # in the cluster should somebody unprotect it and destroy the stack.
                protect=True,
                retain_on_delete=True,
            ),
        )
        self.claim_name = claim.metadata["name"]
        self.register_outputs({"claim_name": self.claim_name})
