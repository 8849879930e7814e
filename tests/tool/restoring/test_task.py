"""What a Job of the restore's template does, read from the Job itself."""

import pytest

from pgkeep.kube import client as api
from pgkeep.restoring.task import (
    DropTask,
    ListTask,
    RestoreTask,
    Task,
    TrialTask,
    UndoTask,
    last_one,
    read_task,
)
from tests.tool.world import STACK, World, stack

NAME = "backup-20261123-020000"


def task_of(variables: dict[str, str], world: World | None = None) -> Task:
    world = world or stack()
    world.begin_job(**STACK | {"RESTORE_BACKUP": NAME} | variables)
    return read_task(world.jobs[0], world.one(api.CRONJOBS, "postgres-restore"))


@pytest.mark.parametrize(
    ("variables", "kind", "doing"),
    [
        ({}, RestoreTask, f"restores {NAME}"),
        ({"RESTORE_DRY_RUN": "true"}, TrialTask, f"tries out the restore of {NAME}"),
        ({"RESTORE_ACTION": "undo"}, UndoTask, "undoes the last restore"),
        (
            {"RESTORE_ACTION": "list-aside"},
            ListTask,
            "looks for the databases that restores have put aside",
        ),
        (
            {"RESTORE_ACTION": "drop-aside", "RESTORE_DROP": "all"},
            DropTask,
            "drops databases that restores have put aside",
        ),
        (
            {"RESTORE_ACTION": "drop-aside", "RESTORE_DROP": "14"},
            DropTask,
            "drops databases put aside more than 14 days ago",
        ),
        (
            {"RESTORE_ACTION": "drop-old", "RESTORE_DROP": "shop_before_x"},
            DropTask,
            "drops shop_before_x, which a restore has put aside",
        ),
        (
            {"RESTORE_ACTION": "drop-old", "RESTORE_DROP": "all", "RESTORE_DRY_RUN": "true"},
            ListTask,
            "looks for the databases that restores have put aside",
        ),
    ],
)
def test_each_action_is_a_task_of_its_own(
    variables: dict[str, str], kind: type[Task], doing: str
) -> None:
    task = task_of(variables)
    assert type(task) is kind
    assert task.doing == doing


@pytest.mark.parametrize(
    ("variables", "replaces", "changes", "undone"),
    [
        ({}, True, True, True),
        ({"RESTORE_DRY_RUN": "true"}, False, False, False),
        ({"RESTORE_INTO": "copy"}, False, True, False),
        ({"RESTORE_TABLES": "public.a"}, False, True, False),
        ({"RESTORE_SCHEMAS": "old"}, False, True, False),
        ({"DATABASE_HOST": "other"}, False, True, True),
        ({"RESTORE_ACTION": "undo"}, True, True, False),
        ({"RESTORE_ACTION": "undo", "DATABASE_HOST": "other"}, False, True, False),
        ({"RESTORE_ACTION": "drop-aside"}, False, True, False),
        ({"RESTORE_ACTION": "list-aside"}, False, False, False),
    ],
)
def test_what_replaces_the_live_database_what_changes_anything_and_what_can_be_undone(
    variables: dict[str, str], replaces: bool, changes: bool, undone: bool
) -> None:
    task = task_of(variables)
    assert (task.replaces, task.changes, task.undo_words is not None) == (
        replaces,
        changes,
        undone,
    )


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, f"of {NAME}, failed at"),
        ({"RESTORE_DRY_RUN": "true"}, f"of {NAME}, a dry run, failed at"),
        ({"RESTORE_ACTION": "undo"}, "(undo), failed at"),
        ({"RESTORE_ACTION": "drop-aside"}, "(drop), failed at"),
    ],
)
def test_the_last_one_is_told_with_what_it_did(variables: dict[str, str], words: str) -> None:
    world = stack()
    task_of(variables, world)
    world.run_jobs(succeed=False)
    cronjob = world.one(api.CRONJOBS, "postgres-restore")
    assert f"job/postgres-restore-by-hand {words} 2026-" in last_one(world.jobs, cronjob)
