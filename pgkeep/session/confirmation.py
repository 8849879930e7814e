"""How the tool asks before it takes something away for good."""

import sys

from pgkeep.errors import NotConfirmedError
from pgkeep.session.session import Session


def is_yes(answer: str) -> bool:
    """Whether the answer is the word that is asked for; blanks around it do not matter."""
    return answer.strip() == "yes"


def require_terminal(what: str, command: str) -> None:
    """Refuse, before anything is begun, where nobody could be asked.

    Args:
        what: What has to be confirmed, as the beginning of a sentence.
        command: The command line that does without the question but for its `--yes`.

    Raises:
        NotConfirmedError: Standard input is no terminal.
    """
    if not sys.stdin.isatty():
        raise NotConfirmedError(
            f"{what} has to be confirmed, and there is no terminal to ask on. Nothing was changed.",
            cure=f"Run it in a terminal, or say so beforehand: {command} --yes",
        )


def confirm(session: Session, action: str) -> None:
    """Ask, and go on only after `yes`.

    Args:
        session: Where to ask.
        action: What is done then, as in "Type yes to restore".

    Raises:
        NotConfirmedError: Anything else, also an end of the input or Ctrl-C.
    """
    session.out.print()
    try:
        answer = session.out.input(f"Type [bold]yes[/bold] to {action}: ")
    except (EOFError, KeyboardInterrupt):
        session.out.print()
        answer = ""
    if not is_yes(answer):
        raise NotConfirmedError("Nothing was changed.")
