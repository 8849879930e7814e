"""The command line: global options, the commands, and how errors end."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from pgkeep.commands import backup, listing, restore, retention
from pgkeep.commands.options import global_options_first
from pgkeep.errors import EXIT_CODES_HELP, ExitCode, PgkeepError
from pgkeep.session.session import Session
from pgkeep.terminal.console import make_console, print_error


class PgkeepGroup(TyperGroup):
    """Takes global options anywhere, and turns the tool's errors into messages and exit codes."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Let global options stand behind the command, too."""
        return super().parse_args(ctx, global_options_first(args))

    def invoke(self, ctx: Any) -> Any:
        """Run the command; a foreseeable error is printed, never raised."""
        try:
            return super().invoke(ctx)
        except PgkeepError as error:
            print_error(make_console(error=True), error)
            raise typer.Exit(int(error.exit_code)) from None
        except KeyboardInterrupt:
            make_console(error=True).print("Interrupted.")
            raise typer.Exit(int(ExitCode.INTERRUPTED)) from None


app = typer.Typer(
    name="pgkeep",
    cls=PgkeepGroup,
    help="Backups of a PostgreSQL database on Kubernetes, and their restore.",
    epilog=EXIT_CODES_HELP,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # a traceback must not show credentials
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def options(
    context: typer.Context,
    kube_context: Annotated[
        str, typer.Option("--context", metavar="NAME", help="Context of the kubeconfig.")
    ] = "",
    namespace: Annotated[
        str,
        typer.Option(
            "--namespace", "-n", metavar="NAME", help="The stack's namespace; else the context's."
        ),
    ] = "",
    kubeconfig: Annotated[
        str,
        typer.Option(
            "--kubeconfig",
            envvar="KUBECONFIG",
            metavar="PATH",
            help="How to reach the cluster; else ~/.kube/config.",
        ),
    ] = "",
) -> None:
    """Backups of a PostgreSQL database on Kubernetes, and their restore."""
    context.obj = Session(kubeconfig=kubeconfig, context=kube_context, namespace=namespace)


for command in (backup, listing, retention, restore):
    command.register(app)
