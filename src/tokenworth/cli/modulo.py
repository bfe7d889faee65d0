"""The verb `modulo`: a model proposes, verifiers accept or say what is wrong; and recorded loops, replayed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from tokenworth import catalog
from tokenworth.cli import options as shared
from tokenworth.cli.items import Items
from tokenworth.cli.record import provenance, recorded, show_table, write_facts
from tokenworth.cli.serving import model_options
from tokenworth.cli.session import Bound, Options, check_task, check_writable, open_bench, prepare, show_dry_run
from tokenworth.errors import InvalidInput
from tokenworth.methods.curve.settings import check_level
from tokenworth.methods.modulo.document import MODULO_SCHEMA
from tokenworth.methods.modulo.experiment import ModuloResult
from tokenworth.methods.modulo.experiment import modulo as loop
from tokenworth.report.inert import one_line
from tokenworth.tasks.critics.replay import ReplayedLoop, ReplaySummary, replay_loop, summary
from tokenworth.tasks.domains import domain_named
from tokenworth.tasks.sources.files import json_rows
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.modulo import FEEDBACK, LoopItem, ModuloPlan, ModuloRun, check

REPLAY_SCHEMA = "tokenworth.modulo-replay/1"


@click.command()
@shared.chain(shared.config_option, model_options, shared.problem_options, shared.sampling_options)
@click.option("--critic", default="format", show_default=True, help=f"format, reference, {', '.join(catalog.DOMAINS)} or module:callable.")
@click.option("--dialect", help="Dialect of a formal critic [default: its first].")
@click.option("--strictness", help="Level of a formal critic: paper, strict or strict+ties [default: strict].")
@click.option(
    "--feedback", type=click.Choice(FEEDBACK), default="none", show_default=True, help="What the model is told of a rejected answer."
)
@click.option("--max-attempts", type=click.IntRange(1), default=8, show_default=True, help="Answers of a problem that each arm may read.")
@click.option("--max-tokens", type=click.IntRange(1), help="Tokens that each arm may generate for a problem [default: no limit].")
@click.option("--unsound-share", type=float, default=0.5, show_default=True, help="Wrong answers that the UNSOUND arm's verifier accepts.")
@click.option("--level", type=float, default=0.95, show_default=True, help="Level of the intervals.")
@click.option(
    "--replay", metavar="FILE.jsonl[.gz]", help="Judge recorded loops again instead, with the formal critic blocksworld or the one named."
)
@shared.chain(shared.seed_option, shared.store_option, shared.json_option, shared.budget_options, shared.dry_run_option)
def modulo(**options: Any) -> int:
    """Generate, test, feed back: answers that a verifier accepts, and what that is worth at equal cost.

    With --replay, exit code 0 says that every recorded verdict was found again, 1 that one was not.
    """
    check_writable(options["json_path"])
    if options["replay"] is not None:
        _check_replay()
        return _replay(options)
    return _run(options)


# -- live -----------------------------------------------------------------------------------------------------------------------------


def _run(options: Options) -> int:
    plan = _plan(options)
    if options["task"] is None:
        raise InvalidInput("the loop needs problems; give --task, such as world:steps or a problems file")
    items = Items(options["item"])
    prepare(options, items)
    check_task(options["task"], items.names[0])
    sampling = {name: options[name] for name in ("temperature", "top_k", "top_p", "min_p", "limit")}
    with open_bench(options) as bench:
        run = ModuloRun(bench, plan, task=options["task"], grader=options["grader"], sampling=sampling)
        if options["dry_run"]:
            _dry_run(run, plan, items.names, options)
            return 0

        def looped(item: str) -> Iterator[tuple[str, LoopItem]]:
            yield item, run.item(item)

        with recorded(bench, options, "modulo") as results:
            done = dict(items.results(looped))
            if not done:
                raise InvalidInput(f"none of {len(items)} problems could be run; the lines above say why")
            facts = _facts(bench, run, plan, options, done) | {"failed": items.failed}
            results.append(facts)
    show_table(facts, options["json_path"])
    return items.exit_code


def _facts(bench: Workbench, run: ModuloRun, plan: ModuloPlan, options: Options, done: Mapping[str, LoopItem]) -> dict[str, Any]:
    loops = tuple(done.values())
    bank = run.bank(run.case(next(iter(done))))
    return {
        "schema": MODULO_SCHEMA,
        "model": {"name": bench.model.name, "fingerprint": bench.model.backend.fingerprint},
        "task": options["task"],
        "verifiers": [asdict(one) for one in bank.names],
        "is_sound": bank.is_sound,
        "plan": asdict(plan),
        "sampling": asdict(loops[0].result.settings.sampling),
        "arms": [asdict(arm) for arm in run.compare(loops)],
        "items": [_item_facts(one) for one in loops],
        "short": _short(loops, plan),
        "provenance": provenance(),
    }


def _plan(options: Options) -> ModuloPlan:
    share = options["unsound_share"]
    if not 0 < share <= 1:
        raise InvalidInput(f"unsound share {share}: expected a number above 0, at most 1: of the wrong answers, those that are accepted")
    check_level(options["level"])
    return ModuloPlan(
        critic=options["critic"],
        dialect=options["dialect"],
        strictness=options["strictness"],
        feedback=options["feedback"],
        max_attempts=options["max_attempts"],
        max_tokens=options["max_tokens"],
        seed=options["seed"],
        share=share,
        level=options["level"],
    )


def _dry_run(run: ModuloRun, plan: ModuloPlan, items: Sequence[str], options: Options) -> None:
    """What the first problem draws at once, and what all of them can draw at most."""
    case = run.case(items[0])
    bank, settings = run.bank(case), run.settings(case)
    first = case.price(case.sample_experiment(plan.max_attempts, settings.sampling, plan.seed, plan.level))
    live = case.price(loop(case.prompt, settings=settings, check=lambda ids, stop: check(case, bank, ids, stop), feedback=None))
    rollouts = (1 if plan.feedback == "none" else 2) * plan.max_attempts * len(items)
    longest = len(case.prompt) if plan.feedback == "none" else (case.model.context_length or 2 * len(case.prompt))
    generated = rollouts * settings.sampling.max_tokens
    bound = Bound(rollouts=rollouts, generated_tokens=generated, input_tokens=rollouts * longest)
    show_dry_run({f"item {items[0]}, shared draws": first, f"item {items[0]}, first attempt": live}, options, bound)


def _item_facts(one: LoopItem) -> dict[str, Any]:
    result: ModuloResult = one.result
    return {
        "id": one.id,
        "stopped": result.stopped,
        "accepted": None if result.accepted is None else len(result.attempts) - 1,
        "correct": one.correct,
        "generated_tokens": result.generated_tokens,
        "read_tokens": result.read_tokens,
        "unresolved": result.unresolved,
        "attempts": [
            {
                "outcome": grade.outcome,
                "verdict": grade.verdict,
                "accepted": attempt.checked.accepted,
                "accepted_by": [asdict(by) for by in attempt.checked.by],
                "messages": list(attempt.checked.messages),
                "prompt_tokens": len(attempt.prompt),
                "generated_tokens": len(attempt.rollout.ids),
                "text": text,
            }
            for attempt, grade, text in zip(result.attempts, one.grades, one.texts, strict=True)
        ],
        "draws": [asdict(draw) for draw in one.stream],
    }


def _short(done: Sequence[LoopItem], plan: ModuloPlan) -> int:
    """Problems whose shared draws together have fewer tokens than the budget."""
    return sum(plan.max_tokens is not None and sum(draw.n_tokens for draw in one.stream) < plan.max_tokens for one in done)


# -- replay ---------------------------------------------------------------------------------------------------------------------------


_OF_REPLAY = ("replay", "critic", "dialect", "json_path")
"""The options that mean something to a replay."""


def _check_replay() -> None:
    """Refuses what was asked for on the command line and means nothing there; a config file may hold options of other runs."""
    context = click.get_current_context()
    for parameter in context.command.params:
        if parameter.name is None or context.get_parameter_source(parameter.name) is not ParameterSource.COMMANDLINE:
            continue
        if parameter.name == "strictness":
            raise InvalidInput("--strictness means nothing to --replay: recorded loops are judged at level strict; leave it out")
        if parameter.name not in _OF_REPLAY:
            flag = max(parameter.opts, key=len)
            raise InvalidInput(f"{flag} means nothing to --replay, which draws nothing; leave it out, or leave --replay out")


def _critic_of_replay(options: Options) -> str:
    """The formal critic named; blocksworld where none is."""
    is_named = click.get_current_context().get_parameter_source("critic") is ParameterSource.COMMANDLINE
    return "blocksworld" if options["critic"] == "format" and not is_named else str(options["critic"])


def _replay(options: Options) -> int:
    name = _critic_of_replay(options)
    if name not in catalog.DOMAINS:
        raise InvalidInput(f"critic {name!r} cannot judge recorded loops; expected a formal one, such as blocksworld")
    domain = domain_named(name)
    dialect = domain.dialect_named(options["dialect"])
    loops = [replay_loop(row, domain, dialect=dialect, where=where) for where, row in json_rows(Path(options["replay"]))]
    if not loops:
        raise InvalidInput(f"{options['replay']} holds no recorded loop; expected one a line")
    counted = summary(loops)
    facts = {
        "schema": REPLAY_SCHEMA,
        "source": Path(options["replay"]).name,
        "verifier": {"critic": f"{name}/{dialect}", "version": domain.version, "level": "strict"},
        "summary": asdict(counted),
        "loops": [_loop_facts(one) for one in loops],
        "provenance": provenance(),
    }
    if not write_facts(facts, options["json_path"]):
        click.echo(_replay_text(counted, f"{name}/{dialect} {domain.version}"))
    return 1 if counted.disagreements else 0


def _loop_facts(one: ReplayedLoop) -> dict[str, Any]:
    return {"id": one.id, "accepted_at": one.accepted_at, "disagreements": one.disagreements, "steps": [asdict(step) for step in one.steps]}


def _replay_text(counted: ReplaySummary, verifier: str) -> str:
    unknown = counted.n_unrecorded - counted.n_implied
    missing = [f"{counted.n_implied} not written there but implied: the loop is recorded to have ended well"] if counted.n_implied else []
    missing += [f"{unknown} not recorded, which counts as disagreement"] if unknown else []
    lines = [
        f"{counted.n_loops} loops of {counted.n_steps} steps, judged by {verifier}:",
        f"{counted.n_agreeing} of {counted.n_steps} verdicts agree with the record" + (f" ({'; '.join(missing)})" if missing else ""),
        *(f"  step {step + 1}: {n} loops accepted" for step, n in counted.accepted_at.items()),
        f"  never: {counted.n_never} loops",
        f"{counted.tokens:,} tokens generated in all steps",
        *(one_line(f"disagreement: {name}, step {step + 1}") for name, step in counted.disagreements[:20]),
    ]
    return "\n".join(lines)
