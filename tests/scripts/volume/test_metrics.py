""".records/metrics.prom says what the volume holds, in a form that Prometheus reads."""

from __future__ import annotations

from datetime import UTC, datetime

from prometheus_client.parser import text_string_to_metric_families

from tests.scripts.harness import Pod, Server, clone_backup, drop_databases, make_legacy


def samples(pod: Pod) -> dict[tuple[str, ...], float]:
    """Each sample by its name and its labels' values."""
    text = (pod.volume / ".records/metrics.prom").read_text(encoding="utf-8")
    found: dict[tuple[str, ...], float] = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation, family.name
        assert family.type == "gauge"
        for sample in family.samples:
            key = (sample.name, *(sample.labels[name] for name in sorted(sample.labels)))
            assert key not in found, key
            found[key] = sample.value
    return found


def test_a_backup_is_counted_and_described(pod: Pod) -> None:
    backup = pod.good_backup()
    (row,) = pod.listed()
    found = samples(pod)
    assert found["pgkeep_backups", "source", "verified"] == 1
    assert found["pgkeep_backups", "source", "damaged"] == 0
    assert found["pgkeep_backups_suspicious", "source"] == 0
    assert found["pgkeep_latest_backup_rows", "source"] == 4903
    assert found["pgkeep_latest_backup_size_bytes", "source"] == int(row["backup_bytes"])
    assert found["pgkeep_latest_backup_duration_seconds", "source"] > 0
    assert 0 < found["pgkeep_volume_free_bytes",] < found["pgkeep_volume_size_bytes",]
    stamp = found["pgkeep_latest_backup_timestamp_seconds", "source"]
    assert datetime.fromtimestamp(stamp, UTC).strftime("backup-%Y%m%d-%H%M%S") == backup.name
    assert ("pgkeep_latest_proven_backup_timestamp_seconds", "source") not in found


def test_damaged_suspicious_proven_and_legacy_backups_show(pod: Pod, server: Server) -> None:
    backup = pod.good_backup()
    broken = clone_backup(backup, "backup-20260101-000000")
    odd = clone_backup(backup, "backup-20260102-000000")
    (broken / "globals.sql").write_text("x", encoding="utf-8")
    make_legacy(pod, server)
    pod.put_mark("suspicious", odd.name)
    pod.put_mark("proven", odd.name)
    assert pod.console("verify", "all").code == 1
    found = samples(pod)
    assert found["pgkeep_backups", "source", "verified"] == 2
    assert found["pgkeep_backups", "source", "damaged"] == 1
    assert found["pgkeep_backups", "", "unverified"] == 1
    assert found["pgkeep_backups_suspicious", "source"] == 1
    assert found["pgkeep_latest_proven_backup_timestamp_seconds", "source"] == 1767312000


def test_a_failed_run_leaves_true_metrics_behind(pod: Pod) -> None:
    pod.good_backup()
    (pod.secret / "password").write_text("wrong", encoding="utf-8")
    assert pod.backup().code == 1
    assert samples(pod)["pgkeep_backups", "source", "verified"] == 1


def test_a_database_may_have_any_name_in_a_label(pod: Pod, server: Server) -> None:
    name = 'a "quoted\\name" ünd {so=on}'
    quoted = name.replace('"', '""')
    server.psql("postgres", f'CREATE DATABASE "{quoted}"')
    try:
        pod.database = name
        pod.good_backup()
        assert samples(pod)["pgkeep_backups", name, "verified"] == 1
    finally:
        drop_databases(server, name)


def test_a_restore_shows_what_it_proved_or_found(pod: Pod, copy: str) -> None:
    pod.database = copy
    backup = pod.good_backup()
    assert pod.restore().code == 0
    assert samples(pod)["pgkeep_latest_proven_backup_timestamp_seconds", copy] > 0
    (backup / "globals.sql").write_text("x", encoding="utf-8")
    assert pod.restore().code == 1
    assert samples(pod)["pgkeep_backups", copy, "damaged"] == 1
