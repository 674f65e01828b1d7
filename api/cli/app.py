"""`sogoc`: the commands put together, and what happens when one of them fails.

Rules: exit codes are 0 good and in force, 1 does not match (or refused), 2 usage, 3 cannot tell (or cannot be reached),
4 authentic but no longer in force. An expected failure is one clear message that names its rule; a traceback is a bug.
"""

from __future__ import annotations

import sys

import typer

from api.cli import (
    anchor,
    audit,
    certificate_later,
    certificates,
    certify,
    demo,
    documents,
    evidence,
    follow,
    gateway,
    governance,
    history,
    labels,
    lots,
    maintenance,
    member_keys,
    members,
    network,
    places,
    policies,
    products,
    serve,
    setup,
    stamps,
    status,
    successions,
    trace,
    validators,
    vault,
    verify,
    watch,
)
from api.cli.output import ExitCode, exit_code_of, print_error
from ledger.errors import LedgerError

app = typer.Typer(
    name="sogoc",
    help="Sổ Gốc: sổ cái kiểm chứng được. A ledger whose every answer can be checked offline.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("init")(setup.init)
app.command("serve")(serve.serve)
app.command("follow")(follow.follow)
app.command("demo")(demo.demo)
app.command("keygen")(setup.keygen)
members.app.command("rotate-key")(member_keys.rotate_key)
members.app.command("retire-key")(member_keys.retire_key)
members.app.command("revoke-key")(member_keys.revoke_key)
members.app.command("succeed")(successions.succeed)
members.app.command("cancel-succession")(successions.cancel)
app.add_typer(members.app, name="member")
app.add_typer(governance.app, name="governance")
app.add_typer(validators.app, name="validator")
app.add_typer(policies.app, name="policy")
app.add_typer(network.app, name="network")
app.command("anchor")(anchor.anchor)
documents.app.command("stamp")(stamps.stamp)
app.add_typer(documents.app, name="document")
app.command("watch")(watch.watch)
app.add_typer(gateway.app, name="gateway")
app.add_typer(products.app, name="product")
app.add_typer(places.app, name="place")
app.add_typer(lots.app, name="lot")
app.command("label")(labels.label)
app.command("receipt")(anchor.receipt)
app.command("certify")(certify.certify)
app.command("revoke")(certificate_later.revoke)
app.add_typer(certificates.app, name="certificate")
app.command("verify")(verify.verify)
app.command("evidence")(evidence.evidence)
app.command("history")(history.history)
app.command("trace")(trace.trace)
app.command("findings")(trace.findings)
app.add_typer(vault.app, name="vault")
app.command("erase")(vault.erase)
app.command("audit")(audit.audit)
app.command("rebuild")(maintenance.rebuild)
app.command("export")(maintenance.export)
app.command("backup")(maintenance.backup)
app.command("restore")(maintenance.restore)
app.command("status")(status.status)
app.command("doctor")(status.doctor)


def main() -> None:
    """Run the command that the arguments name, and exit with its code."""
    as_json = "--json" in sys.argv
    try:
        app(standalone_mode=True)
    except LedgerError as error:
        print_error(error, as_json=as_json)
        sys.exit(exit_code_of(error))
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output went away, as `| head` does.
        sys.stderr.close()
        sys.exit(ExitCode.GOOD)
