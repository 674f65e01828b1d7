"""`sogoc certificate …`: the commands, by name."""

from __future__ import annotations

import typer

from api.cli import certificate_files, certificate_later, recovering

app = typer.Typer(
    help="Giấy chứng nhận: tạm đình chỉ, gia hạn, trích ra, danh sách tình trạng. Certificates, once they are issued.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command("recover")(recovering.recover)
app.command("schemas")(certificate_files.list_schemas)
app.command("show")(certificate_later.show)
app.command("suspend")(certificate_later.suspend)
app.command("reinstate")(certificate_later.reinstate)
app.command("renew")(certificate_later.renew)
app.command("refresh")(certificate_files.refresh)
app.command("disclose")(certificate_files.disclose)
app.command("status-list")(certificate_files.publish_status_list)
app.command("did-document")(certificate_files.did_document)
