"""Records docs/demo.svg, the README's picture: a real run of the demo, as its terminal showed it.

Usage: python -m tools.picture [RECORDING]

Without a recording (a file with a terminal's output, as `script` writes it) the demo is run.
"""

from __future__ import annotations

import io
import os
import pty
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "demo.svg"
COLUMNS = 120

# The part of the demo that a reader came for: from the backup to the proof.
FIRST, LAST = "Back up", "What is running now"

# Blocks of the log, from their title to the next empty line, that would only make it long.
LEFT_OUT = ("Configuration", "Summary", "Backups", "To undo", "To drop")

# rich's own frame loads a font from elsewhere; a picture in a README must not load anything.
FONTS = re.compile(r"@font-face \{.*?\}\s*|<!-- Generated .*?-->\s*", re.DOTALL)


def record() -> str:
    """Run the demo on a terminal of its own and return what it printed, with colours."""
    printed = io.BytesIO()

    def keep(descriptor: int) -> bytes:
        chunk = os.read(descriptor, 65536)
        printed.write(chunk)
        return chunk

    os.environ |= {"COLUMNS": str(COLUMNS), "TERM": "xterm-256color", "FORCE_COLOR": "1"}
    status = pty.spawn([sys.executable, "-m", "demo"], keep)
    if status != 0:
        raise SystemExit("the demo failed, so there is nothing to show")
    return printed.getvalue().decode()


def excerpt(printed: str) -> list[Text]:
    """Return what to show: the lines between the two headings, without the blocks left out."""
    lines = [line.rsplit("\r", 1)[-1] for line in printed.replace("\r\n", "\n").split("\n")]
    texts = [Text.from_ansi(line) for line in lines]
    headings = {text.plain: number for number, text in enumerate(texts) if "──" in text.plain}
    first = next(number for plain, number in headings.items() if FIRST in plain)
    last = next(number for plain, number in headings.items() if LAST in plain)
    kept: list[Text] = []
    skipping = False
    for text in texts[first:last]:
        skipping = text.plain.startswith(LEFT_OUT) or (skipping and text.plain.strip() != "")
        if not skipping and (text.plain.strip() or (kept and kept[-1].plain.strip())):
            kept.append(text)
    return kept


def draw(lines: list[Text]) -> str:
    """Return the lines as an SVG that needs nothing from outside."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    for line in lines:
        console.print(line)
    return FONTS.sub("", console.export_svg(title="make demo"))


def main() -> None:
    """Record and write the picture."""
    printed = Path(sys.argv[1]).read_text(encoding="utf-8") if len(sys.argv) > 1 else record()
    PICTURE.write_text(draw(excerpt(printed)), encoding="utf-8")
    print(f"wrote {PICTURE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
