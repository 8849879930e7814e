from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgkeep.errors import AnswerError
from pgkeep.restoring.aside import Aside, parse_aside
from tests.tool.world import ASIDE_HEADER, FOREIGN, aside, aside_lines

MARK = "#pgkeep-aside 1"


def test_the_list_is_read_in_its_order() -> None:
    newest, undone = parse_aside(
        aside_lines(aside(), aside("shop_undone_20261122_045900", successor="undo", size="-"))
    )
    assert newest == Aside(
        name="shop_before_20261123_045900",
        since=datetime(2026, 11, 23, 4, 59, tzinfo=UTC),
        age_seconds=60,
        size=9227469,
        owner="shop",
        successor="backup-20261123-020000",
        ours=True,
        droppable=True,
    )
    assert newest.words == (
        "8.8 MiB, put aside 2026-11-23 04:59:00 UTC (1 min ago), replaced by backup-20261123-020000"
    )
    assert "size not known, " in undone.words
    assert undone.words.endswith("replaced by an undo")


def test_nothing_put_aside_is_an_empty_list() -> None:
    assert parse_aside(aside_lines()) == []


def test_what_goes_is_ours_and_may_be_dropped() -> None:
    asides = parse_aside(
        aside_lines(
            aside(),
            aside("b", droppable="false"),
            aside("c", ours="false"),
            aside("d", ours="false", droppable="false"),
        )
    )
    assert [one.name for one in asides if one.goes] == ["shop_before_20261123_045900"]
    assert asides[1].words.endswith('which only "shop" may drop')
    assert asides[2].words == '8.8 MiB, of another owner: "shop"'


def test_names_are_unescaped_and_made_harmless() -> None:
    [one] = parse_aside(aside_lines(aside(r"my\tshop\\\n", owner="e\x1b[2Jve")))
    assert one.name == "my\tshop\\\n"
    assert one.owner == "e?[2Jve"


def test_a_column_of_a_newer_version_is_ignored_and_their_order_does_not_matter() -> None:
    header = "\t".join(["droppable", *ASIDE_HEADER.split("\t")[:-1], "comment"])
    values = aside().split("\t")
    row = "\t".join([values[-1], *values[:-1], "hello"])
    assert parse_aside([MARK, header, row, "#end 1"]) == parse_aside(aside_lines(aside()))


def test_what_a_stranger_has_written_about_himself_cannot_spoil_the_list() -> None:
    hostile = aside(
        "shop_before_20991231_235959",
        owner="eve",
        ours="false",
        droppable="false",
        since="10000-01-09T00:00:00Z",
        successor="drop-everything",
    )
    stranger, own = parse_aside(aside_lines(hostile, aside()))
    assert own.ours
    assert "drop-everything" not in stranger.words
    assert stranger.since is None


@pytest.mark.parametrize(
    ("lines", "part"),
    [
        ([], MARK),
        (["  shop_before_20261123_045900: 8.8 MiB, put aside today"], MARK),
        (["Steps", *aside_lines(aside())], MARK),
        (["#pgkeep-aside 2", *aside_lines(aside())[1:]], "#pgkeep-aside 2"),
        ([MARK], "#end N"),
        ([MARK, "#end 0"], "#end N"),
        ([MARK, ASIDE_HEADER, aside()], "#end 0"),
        ([MARK, ASIDE_HEADER, aside(), "#end 2"], "#end 1"),
        ([MARK, ASIDE_HEADER, "#end 1"], "#end 0"),
        ([*aside_lines(aside()), "✓ done"], "columns"),
        ([MARK, ASIDE_HEADER.replace("ours", "mine"), aside(), "#end 1"], "the columns name since"),
        ([MARK, f"{ASIDE_HEADER}\tours", f"{aside()}\ttrue", "#end 1"], "the columns name since"),
        (aside_lines(aside(ours="t")), "ours of shop_before"),
        (aside_lines(aside(droppable="")), "droppable of shop_before"),
        (aside_lines(aside(size="")), "bytes of"),
        (aside_lines(aside(size="8.8 MiB")), "bytes of"),
        (aside_lines(aside(age=-1)), "age_seconds of"),
        (aside_lines(aside(since="yesterday")), "ISO 8601"),
        (aside_lines(aside(successor="-")), "successor of"),
        (aside_lines(aside(successor="backup-1")), "successor of"),
        (aside_lines(aside("")), "its name"),
        (aside_lines(aside(), aside()), "each name once"),
        (aside_lines(f"{aside()}\textra"), "8 columns"),
    ],
)
def test_another_form_is_refused(lines: list[str], part: str) -> None:
    with pytest.raises(AnswerError) as caught:
        parse_aside(lines)
    assert part in f"{caught.value.message} {caught.value.cause}"
    assert "pulumi up" in caught.value.cure


@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"]), max_size=60), max_size=6))
def test_any_text_is_read_or_refused_in_one_way(lines: list[str]) -> None:
    for head in ([], [MARK], [MARK, ASIDE_HEADER], [MARK, ASIDE_HEADER, FOREIGN]):
        try:
            parse_aside([*head, *lines])
        except AnswerError as error:
            assert "\x1b" not in error.cause
