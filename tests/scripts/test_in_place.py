"""A restore in place is one transaction: the database is the old one until the new one is proven."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scripts.harness import (
    PASSWORD,
    SOURCE,
    Pod,
    Server,
    drop_databases,
    fingerprint,
)

OWNER = "place_owner"
NAME = "placed"


def make(server: Server) -> None:
    """A role that may do nothing but own a database, and that database."""
    server.psql("postgres", f"CREATE ROLE {OWNER} LOGIN PASSWORD '{PASSWORD.replace(chr(39), 2 * chr(39))}'")
    server.psql("postgres", f"CREATE DATABASE {NAME} OWNER {OWNER}")
    server.psql(NAME, SOURCE, user=OWNER)


@pytest.fixture
def placed(each_server: Server, each_pod: Pod) -> Iterator[Pod]:
    """The pod of a role that may not create databases, with one backup and a change since."""
    server = each_server
    try:
        make(server)
        each_pod.database = NAME
        each_pod.settings["RESTORE_IN_PLACE"] = "true"
        (each_pod.secret / "username").write_text(OWNER, encoding="utf-8")
        yield each_pod
    finally:
        server.psql("postgres", f"ALTER DATABASE {NAME} ALLOW_CONNECTIONS true", check=False)
        drop_databases(server, NAME)
        server.psql("postgres", f"DROP ROLE IF EXISTS {OWNER}")


def test_it_all_comes_back(placed: Pod, each_server: Server) -> None:
    before = fingerprint(each_server, NAME)
    placed.good_backup()
    each_server.psql(NAME, "DELETE FROM orders; CREATE TABLE newer ()", user=OWNER)
    result = placed.restore()
    print(result.output)
    assert result.code == 0, result.output
    assert fingerprint(each_server, NAME) == before
