"""Compressed with zstd, whose reader takes a cut stream for a short one: still never published."""

from __future__ import annotations

import pytest

from tests.scripts.harness import SCRIPTS, Pod


@pytest.mark.parametrize("left", ["1", "size / 10", "size / 2", "size * 9 / 10", "size - 1"])
def test_a_cut_zstd_file_is_not_published(pod17: Pod, left: str) -> None:
    code = (
        f'source {SCRIPTS}/backup/one.sh; eval "real_$(declare -f make_dump)";'
        "make_dump() { real_make_dump; local file size;"
        ' for file in "$STAGE"/database/*.dat.zst; do'
        f' size=$(stat -c %s "$file"); truncate -s $(({left})) "$file"; done; }}; main'
    )
    result = pod17.run("backup/one.sh", code=code)
    assert result.code == 1, result.output
    assert "the finished dump" in result.explained()
    assert pod17.names() == pod17.unfinished() == []


def test_the_newest_client_takes_zstd(pod17: Pod) -> None:
    backup = pod17.good_backup()
    assert list(backup.glob("database/*.dat.zst"))
    assert pod17.console("verify", backup.name).code == 0
