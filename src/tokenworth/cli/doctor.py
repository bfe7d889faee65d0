"""The verb `doctor`: is everything installed, and does the model do what the methods rely on?"""

from __future__ import annotations

import importlib.util
import json
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

from tokenworth import __version__
from tokenworth.cli import options as shared
from tokenworth.cli.serving import model_option, server_of, server_options
from tokenworth.cli.session import write_text
from tokenworth.core.inert import one_line
from tokenworth.core.ports import Recorded
from tokenworth.workbench.models import is_served, load_model

_PACKAGES = {
    "numpy": "core",
    "scipy": "core",
    "msgspec": "core",
    "torch": "[local]: local models and the bundled one",
    "transformers": "[local]: local models and the bundled one",
    "aiohttp": "[http]: served models",
    "pyarrow": "[parquet]: export to Parquet",
    "math-verify": "[math]: LaTeX answers",
    "datasets": "[datasets]: hf: tasks",
}


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


@click.command()
@shared.config_option
@model_option
@click.option("--device", default="cpu", show_default=True)
@click.option("--dtype", type=click.Choice(["float32", "bfloat16"]), default="float32", show_default=True)
@click.option("--json", "json_path", metavar="FILE", help="Write the checks here; - for standard output.")
@server_options
@shared.uniform("seed", "store", "dry-run")
def doctor(**options: Any) -> int:
    """Check the installation and a model, or find out what a server really does; exit code 1 when a check fails."""
    if is_served(options["model"]):
        return _doctor_served(options)
    return _doctor_local(options["model"], options["device"], options["dtype"], options["json_path"])


def _doctor_served(options: dict[str, Any]) -> int:
    """Prints the capability record as a table with advice. Exit code 1 when nothing could be measured."""
    backend = load_model(options["model"], server=server_of(options), thinking=options["thinking"]).backend
    able = backend.capabilities
    code = 0 if able.sample or able.read else 1
    record = backend.record() if isinstance(backend, Recorded) else {}
    uses = {"sample": "sample, curve --plan plain or stride", "leave": "curve --plan excursions", "read": "forced"}
    verdicts = {text: able.lacks.get(name, "") for name, text in uses.items()}
    text = json.dumps(
        {"model": options["model"], "fingerprint": backend.fingerprint, "record": record, "lacks": dict(able.lacks)}, indent=1
    )
    if options["json_path"] == "-":
        click.echo(text)
        return code
    if options["json_path"]:
        write_text(options["json_path"], text + "\n")
    for tried, found, advice in backend.findings():  # pyright: ignore[reportAttributeAccessIssue]
        click.echo(one_line(f"{tried:<36} {found}{'   <- ' + advice if advice else ''}"))
    click.echo("")
    for what, why in verdicts.items():
        click.echo(one_line(f"{'no ' if why else 'yes'}  {what}{': ' + why if why else ''}"))
    return code


def _doctor_local(model: str, device: str, dtype: str, json_path: str | None) -> int:
    rows: list[dict[str, object]] = [
        {"check": "tokenworth", "ok": True, "detail": f"{__version__}, Python {platform.python_version()}, {sys.platform}"}
    ]
    for package, use in _PACKAGES.items():
        found = _installed(package)
        rows.append({"check": package, "ok": found is not None or use != "core", "detail": found or f"not installed; {use}"})
    if model.startswith("toy:"):
        checked = load_model(model)
        rows.append({"check": "automaton", "ok": True, "detail": f"{checked.name}: valid, {checked.codec.vocab_size} tokens"})
    elif importlib.util.find_spec("torch") and importlib.util.find_spec("transformers"):
        from tokenworth.backends.local.doctor import self_check

        checked = load_model(model, device=device, dtype=dtype)
        rows += [{"check": c.name, "ok": c.ok, "detail": c.detail} for c in self_check(checked.backend)]  # pyright: ignore[reportArgumentType]
    else:
        rows.append({"check": model, "ok": True, "detail": "not checked: needs the [local] extra (torch, transformers)"})
    text = json.dumps({"model": model, "checks": rows}, indent=1)
    if json_path == "-":
        click.echo(text)
    else:
        if json_path:
            write_text(json_path, text + "\n")
        for row in rows:
            state = "FAIL" if not row["ok"] else "-   " if str(row["detail"]).startswith("not ") else "ok  "
            click.echo(one_line(f"{state}  {row['check']:<34} {row['detail']}"))
    return 0 if all(row["ok"] for row in rows) else 1
