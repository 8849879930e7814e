"""The one pod template that all workloads share, admitted where Pod Security is `restricted`."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components import names
from components.settings.model import DatabaseSettings, ImageSettings, ResourceSettings
from pgkeep import environment
from pgkeep.environment import Variable

# One group for every image: Debian's postgres is uid 999, Alpine's 70. Files on the volume are
# group writable, so a stack may move from one to the other. fsGroup alone would not do: it has no
# effect on volumes that are directories of the node, as those of `local-path` are.
COMMON_GROUP = 999
SCRIPTS_DIRECTORY = "/opt/pgkeep"
# The mounts are where the variables say they are.
_PLACES = environment.values(environment.PROGRAM, environment.CREDENTIALS)
BACKUP_DIRECTORY = _PLACES["BACKUP_DIRECTORY"]
CREDENTIALS_DIRECTORY = _PLACES["CREDENTIALS_DIRECTORY"]
TEMPORARY_DIRECTORY = _PLACES["TMPDIR"]

# Names of the volumes inside the pod.
_BACKUPS, _TEMPORARY, _CREDENTIALS = "backups", "temporary", "credentials"


@dataclass(frozen=True, slots=True, kw_only=True)
class PodContext:
    """What every pod of a stack has in common."""

    instance: str
    namespace: pulumi.Input[str]
    volume_claim: pulumi.Input[str]
    settings: pulumi.Input[str]
    # The rooms that a program needs which begins with a file, and the ConfigMap of each.
    rooms_of: Callable[[str], Mapping[str, pulumi.Input[str]]]
    image: ImageSettings
    resources: ResourceSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class PodArgs:
    """What one workload's pods have of their own."""

    app: str  # name of the CronJob, of its ServiceAccount, and the value of the label `app`
    component: str
    service_account: pulumi.Input[str]
    entry: str  # the file of scripts/ that the container begins with
    parameters: tuple[Variable, ...] = ()  # what an operator may say in a Job
    database: DatabaseSettings | None = None  # none: the pod gets no credentials


def pod_template(context: PodContext, args: PodArgs) -> k8s.core.v1.PodTemplateSpecArgs:
    """Builds the pod template of one workload."""
    rooms = context.rooms_of(args.entry)
    return k8s.core.v1.PodTemplateSpecArgs(
        metadata=k8s.meta.v1.ObjectMetaArgs(
            labels=names.labels(context.instance, args.component, app=args.app)
        ),
        spec=k8s.core.v1.PodSpecArgs(
            # The Job decides what comes after a failure, with its log kept; never the kubelet.
            restart_policy="Never",
            service_account_name=args.service_account,
            automount_service_account_token=False,
            # Without the variables of every Service in the namespace: some would be read by libpq.
            enable_service_links=False,
            # Enough for a script to end its children and clear its staging after SIGTERM.
            termination_grace_period_seconds=30,
            security_context=_pod_security(context.image.user),
            image_pull_secrets=[
                k8s.core.v1.LocalObjectReferenceArgs(name=name)
                for name in context.image.pull_secrets
            ]
            or None,
            containers=[_container(context, rooms, args)],
            volumes=_volumes(context, rooms, args.database),
        ),
    )


def _pod_security(user: int) -> k8s.core.v1.PodSecurityContextArgs:
    return k8s.core.v1.PodSecurityContextArgs(
        run_as_non_root=True,
        run_as_user=user,
        run_as_group=COMMON_GROUP,
        fs_group=COMMON_GROUP,
        supplemental_groups=[COMMON_GROUP],
        # A volume of many files is not walked at every start.
        fs_group_change_policy="OnRootMismatch",
        seccomp_profile=k8s.core.v1.SeccompProfileArgs(type="RuntimeDefault"),
    )


def _container(
    context: PodContext, rooms: Iterable[str], args: PodArgs
) -> k8s.core.v1.ContainerArgs:
    resources = context.resources
    return k8s.core.v1.ContainerArgs(
        name=names.CONTAINER,
        image=context.image.reference,
        # Tags of PostgreSQL images get minor releases; a node that has one needs no registry.
        image_pull_policy="IfNotPresent",
        command=["bash", f"{SCRIPTS_DIRECTORY}/{args.entry}"],
        env=_environment(args),
        env_from=[
            k8s.core.v1.EnvFromSourceArgs(
                config_map_ref=k8s.core.v1.ConfigMapEnvSourceArgs(name=context.settings)
            )
        ],
        # A failure's cause and cure are the last lines of the log: this shows them in `describe`.
        termination_message_policy="FallbackToLogsOnError",
        resources=k8s.core.v1.ResourceRequirementsArgs(
            requests={"cpu": resources.cpu_request, "memory": resources.memory_request},
            limits={"cpu": resources.cpu_limit, "memory": resources.memory_limit},
        ),
        security_context=k8s.core.v1.SecurityContextArgs(
            allow_privilege_escalation=False,
            capabilities=k8s.core.v1.CapabilitiesArgs(drop=["ALL"]),
            privileged=False,
            read_only_root_filesystem=True,
            run_as_non_root=True,
        ),
        volume_mounts=_mounts(rooms, args.database),
    )


def _environment(args: PodArgs) -> list[k8s.core.v1.EnvVarArgs]:
    """Returns the variables that no setting sets; they win over those of the ConfigMap.

    All that an operator may say stands here, so that whoever writes a Job by hand finds it, and so
    that nothing of the image's takes its place.
    """
    credentials = environment.CREDENTIALS if args.database else ()
    given = environment.values(environment.PROGRAM, credentials, args.parameters)
    # The API server drops an empty value; written out, a refresh would find it changed. A container
    # sees no difference.
    return [
        k8s.core.v1.EnvVarArgs(name=name, value=None if value == "" else value)
        for name, value in given.items()
    ]


def _mounts(
    rooms: Iterable[str], database: DatabaseSettings | None
) -> list[k8s.core.v1.VolumeMountArgs]:
    mounts = [
        k8s.core.v1.VolumeMountArgs(name=_BACKUPS, mount_path=BACKUP_DIRECTORY),
        k8s.core.v1.VolumeMountArgs(name=_TEMPORARY, mount_path=TEMPORARY_DIRECTORY),
        *(
            k8s.core.v1.VolumeMountArgs(
                name=_room(room), mount_path=f"{SCRIPTS_DIRECTORY}/{room}", read_only=True
            )
            for room in rooms
        ),
    ]
    if database:
        mounts.append(
            k8s.core.v1.VolumeMountArgs(
                name=_CREDENTIALS, mount_path=CREDENTIALS_DIRECTORY, read_only=True
            )
        )
    return mounts


def _volumes(
    context: PodContext,
    rooms: Mapping[str, pulumi.Input[str]],
    database: DatabaseSettings | None,
) -> list[k8s.core.v1.VolumeArgs]:
    volumes = [
        k8s.core.v1.VolumeArgs(
            name=_BACKUPS,
            persistent_volume_claim=k8s.core.v1.PersistentVolumeClaimVolumeSourceArgs(
                claim_name=context.volume_claim
            ),
        ),
        k8s.core.v1.VolumeArgs(
            name=_TEMPORARY,
            # Lists of contents, logs and sockets: some megabytes even for a database of many
            # tables. Dumps go to the volume. The limit keeps a mistake off the node's disk.
            empty_dir=k8s.core.v1.EmptyDirVolumeSourceArgs(size_limit="1Gi"),
        ),
        *(
            k8s.core.v1.VolumeArgs(
                name=_room(room),
                config_map=k8s.core.v1.ConfigMapVolumeSourceArgs(name=name, default_mode=0o555),
            )
            for room, name in rooms.items()
        ),
    ]
    if database:
        volumes.append(_credentials(database))
    return volumes


def _room(name: str) -> str:
    """Returns the name of a room's volume inside the pod."""
    return f"scripts-{name}"


def _credentials(database: DatabaseSettings) -> k8s.core.v1.VolumeArgs:
    """Mounts the two keys of the Secret as files: neither argv nor environment ever has them."""
    return k8s.core.v1.VolumeArgs(
        name=_CREDENTIALS,
        secret=k8s.core.v1.SecretVolumeSourceArgs(
            secret_name=database.secret,
            # Read by the common group, whatever uid the image has.
            default_mode=0o440,
            items=[
                k8s.core.v1.KeyToPathArgs(key=database.user_key, path="username"),
                k8s.core.v1.KeyToPathArgs(key=database.password_key, path="password"),
            ],
            # A missing Secret or key shall be a failed Job whose last lines say so, not a pod that
            # waits in ContainerCreating until somebody looks.
            optional=True,
        ),
    )
