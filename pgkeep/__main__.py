"""`python -m pgkeep`: the same program as the console command `pgkeep`."""

from pgkeep.cli import app

if __name__ == "__main__":
    app(prog_name="pgkeep")
