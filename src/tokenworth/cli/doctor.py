"""The verb `doctor`: is everything installed, and does the model do what the methods rely on?"""

from __future__ import annotations

import importlib.util
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

from tokenworth import __version__
from tokenworth.backends.model import LoadOptions
from tokenworth.cli.choices import ModelChoice, ServerChoice
from tokenworth.cli.help import Verb, VerbOption
from tokenworth.cli.options import config_option, parameters_of, taken
from tokenworth.cli.show import write_facts
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
    "xllamacpp": "[gguf]: GGUF files",
    "pyarrow": "[parquet]: export to Parquet",
    "math-verify": "[math]: LaTeX answers",
    "datasets": "[datasets]: hf: tasks",
}


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _doctor(**values: Any) -> int:
    model, server = taken(ModelChoice, values), taken(ServerChoice, values)
    if is_served(model.model):
        served = LoadOptions(server=server.options(model.model), thinking=server.thinking)
        return _doctor_served(model, served, values["json_path"])
    server.options(model.model)
    if str(model.model).startswith("gguf:"):
        from tokenworth.backends.http.options import ServerOptions

        # What is known of our own llama.cpp in advance is found out here.
        here = LoadOptions(device=model.device, dtype=model.dtype, threads=model.threads, server=ServerOptions(renew=True))
        return _doctor_served(model, here, values["json_path"])
    return _doctor_local(model, values["json_path"])


doctor = config_option(
    Verb(
        "doctor",
        params=[
            *(one for kind in (ModelChoice, ServerChoice) for one in parameters_of(kind)),
            VerbOption(
                ["json_path", "--json"], metavar="FILE", heading="Output", help="Write what was found as JSON; - for standard output."
            ),
        ],
        help="Check the installation and a model or server.\n\nFinds out what a server really does. Exit code 1: a check failed.",
        callback=_doctor,
    )
)


def _doctor_served(model: ModelChoice, options: LoadOptions, json_path: str | None) -> int:
    """Prints the capability record as a table with advice. Exit code 1 when nothing could be measured."""
    backend = load_model(model.model, options).backend
    able = backend.capabilities
    code = 0 if able.kinds else 1
    record = backend.record() if isinstance(backend, Recorded) else {}
    if write_facts({"model": model.model, "fingerprint": backend.fingerprint, "record": record, "lacks": dict(able.lacks)}, json_path):
        return code
    uses = {"sample": "sample, curve --plan plain or stride", "leave": "curve --plan excursions", "read": "forced"}
    verdicts = {text: able.lacks.get(name, "") for name, text in uses.items()}
    for tried, found, advice in backend.findings():  # pyright: ignore[reportAttributeAccessIssue]
        click.echo(one_line(f"{tried:<36} {found}{'   <- ' + advice if advice else ''}"))
    click.echo("")
    for what, why in verdicts.items():
        click.echo(one_line(f"{'no ' if why else 'yes'}  {what}{': ' + why if why else ''}"))
    return code


def _doctor_local(chosen: ModelChoice, json_path: str | None) -> int:
    model = str(chosen.model)
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

        checked = load_model(model, LoadOptions(device=chosen.device, dtype=chosen.dtype, threads=chosen.threads))
        rows += [{"check": c.name, "ok": c.ok, "detail": c.detail} for c in self_check(checked.backend)]  # pyright: ignore[reportArgumentType]
    else:
        rows.append({"check": model, "ok": True, "detail": "not checked: needs the [local] extra (torch, transformers)"})
    if not write_facts({"model": model, "checks": rows}, json_path):
        for row in rows:
            state = "FAIL" if not row["ok"] else "-   " if str(row["detail"]).startswith("not ") else "ok  "
            click.echo(one_line(f"{state}  {row['check']:<34} {row['detail']}"))
    return 0 if all(row["ok"] for row in rows) else 1
