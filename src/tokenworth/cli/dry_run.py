"""What a run would draw and cost, printed or as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import click

from tokenworth.cli.money import money_text
from tokenworth.cli.show import write_facts
from tokenworth.core.inert import one_line
from tokenworth.core.measure import Most
from tokenworth.core.ports import Backend
from tokenworth.core.request.sample import Sample
from tokenworth.core.tokens import StopReason, TokenSequence, Trace
from tokenworth.errors import TokenworthError
from tokenworth.methods.second_look import Looker
from tokenworth.run.cost import CostPlan, Price, most_tokens
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.case import Case
from tokenworth.workbench.given import given_ids
from tokenworth.workbench.runner import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """An upper bound on what a whole run draws; None where there is none."""

    rollouts: int | None
    generated_tokens: int | None
    input_tokens: int | None


def show_dry_run(
    bench: Workbench,
    job: Job,
    cases: Sequence[tuple[str, Callable[[], Case]]],
    *,
    price: Price | None,
    max_usd: float | None,
    json_path: str | None,
) -> int:
    """Prints what each problem would draw next and what the whole run can cost at most (as JSON with ``--json``); the exit code.

    Later batches depend on answers, so only the next one is exact; where the measure names no bound that one is the whole run.
    """
    plans: dict[str, CostPlan] = {}
    bounds: list[Bound | None] = []
    failed = 0
    for item, make in cases:
        try:
            case = make()
            label = job.measure.name if len(cases) == 1 else f"{job.measure.name}, item {item}"
            plans[f"{label}, next batch"] = bench.runner.price(job, case)
            bounds.append(_bound(bench, job, case))
        except TokenworthError as error:
            if len(cases) == 1:
                raise
            failed += 1
            click.echo(one_line(str(error) if str(error).startswith("item ") else f"item {item}: {error}"), err=True)
    bound = _together(bounds)
    facts = _facts(plans, bound, price)
    if max_usd is not None:
        facts["max_usd"] = max_usd
    if failed:
        facts["failed"] = failed
    code = 1 if failed else 0
    if write_facts(facts, json_path):
        return code
    for name, plan in plans.items():
        click.echo(_plan_line(name, plan, price))
    if plans:
        without = f" ({failed:,} of {len(cases):,} items failed and are in no sum)" if failed else ""
        click.echo(_bound_line(facts.get("at_most"), job.settings, price, max_usd) + without)
        for line in _forecast_lines(list(plans.values()), job.draws.forecasts):
            click.echo(line)
    if max_usd is not None:
        click.echo(f"It stops before it has cost more than {max_usd:g} USD, and reports on what was drawn.")
    return code


def _facts(plans: Mapping[str, CostPlan], bound: Bound | None, price: Price | None) -> dict[str, Any]:
    facts: dict[str, Any] = {"steps": {name: asdict(plan) for name, plan in plans.items()}}
    if bound is not None:
        facts["at_most"] = asdict(bound)
    if price is not None:
        for name, plan in plans.items():
            facts["steps"][name]["max_money"] = plan.max_money(price)
        if bound is not None and bound.generated_tokens is not None and bound.input_tokens is not None:
            facts["at_most"]["money"] = price.at_most(read=bound.input_tokens, generated=bound.generated_tokens)
        facts["currency"] = price.currency
    return facts


def _bound(bench: Workbench, job: Job, case: Case) -> Bound | None:
    """What one problem can cost at most, base trace included; None: its next batch is all."""
    subject = case.subject(job.sampler)
    counted: list[tuple[Most, Backend]] = []
    if job.draws.of_trace and job.base.is_given:
        # A trace without a close marker gets one when its answer is drawn; until then all of it may be trace.
        completion = given_ids(job.base, subject, bench.model)
        base = TokenSequence(prompt=subject.prompt, completion=completion)
        subject = replace(subject, trace=Trace(sequence=base, n_trace=subject.find_wall(completion), stop=StopReason.LENGTH))
    elif job.draws.of_trace:
        n_base = job.base.n_draws
        start = TokenSequence(prompt=case.prompt, completion=())
        draw = Sample(sequence=start, cut=0, params=subject.sampling, seed=0, index=0)
        counted.append((Most(n=n_base, reads=draw, writes=draw), bench.model.backend))
    if job.draws.most is None:
        return None
    most = job.draws.most(subject, job.settings)
    if most is None:
        return Bound(rollouts=None, generated_tokens=None, input_tokens=None)
    counted += [(one, bench.runner.asked(job).backend) for one in most]
    if case.look is not None:
        looker = Looker(subject, case.look)
        counted += [(look, backend) for one, backend in counted for look in looker.most([one])]
    read = sum(one.n * most_tokens((one.reads,), backend)[0] for one, backend in counted)
    generated = sum(one.n * most_tokens((one.writes,), backend)[1] for one, backend in counted)
    rollouts = sum(one.n for one, _ in counted if isinstance(one.writes, Sample))
    return Bound(rollouts=rollouts, generated_tokens=generated, input_tokens=read)


def _together(bounds: Sequence[Bound | None]) -> Bound | None:
    known = [one for one in bounds if one is not None]
    if not known:
        return None
    sums = {
        name: None if any(getattr(one, name) is None for one in known) else sum(getattr(one, name) for one in known)
        for name in ("rollouts", "generated_tokens", "input_tokens")
    }
    return Bound(**sums)


def _plan_line(name: str, plan: CostPlan, price: Price | None) -> str:
    if plan.finished:
        return f"{name}: nothing to draw, all of it is in the store"
    money = "" if price is None else f", at most {money_text(plan.max_money(price), price.currency)}"
    return (
        f"{name}: {plan.requests:,} requests, {plan.stored:,} of them stored; "
        f"{plan.rollouts:,} rollouts and {plan.tables:,} tables to draw: "
        f"{plan.input_tokens:,} tokens read, at most {plan.max_output_tokens:,} generated{money}"
    )


def _forecast_lines(plans: Sequence[CostPlan], needs: str) -> Iterator[str]:
    """Between what the run lies, of the problems that can say so; otherwise what they need for it."""
    known = [plan.forecast for plan in plans if plan.forecast is not None]
    open_ = sum(not plan.finished for plan in plans) - len(known)
    if known:
        low, low_tokens, high, high_tokens = (
            sum(getattr(one, name) for one in known) for name in ("least_rollouts", "least_tokens", "most_rollouts", "most_tokens")
        )
        yield (
            f"Foreseen{f' for {len(known):,} of {len(plans):,} items' if open_ else ''}: at least {low:,} rollouts, about {low_tokens:,} "
            f"tokens, for the first look; {high:,}, about {high_tokens:,} tokens, if nothing is decided before the last. "
            "Each rollout is taken to be as long as the rest of the base trace."
        )
    if needs and open_ > 0:
        yield (
            f"These are limits of a budget, not what is expected. With {needs} in a store, a dry run foresees more: run once with --store "
            "FILE and --max-rollouts 1, then --dry-run with that store."
        )


def _bound_line(at_most: Mapping[str, Any] | None, settings: Any, price: Price | None, max_usd: float | None) -> str:
    if at_most is None:
        return "That is the whole run."
    if at_most["rollouts"] is None:
        limits = {f"--{f.name.replace('_', '-')}": getattr(settings, f.name) for f in fields(settings) if f.name.startswith("max_")}
        given = [f"{name} {limit:,}" for name, limit in limits.items() if limit is not None]
        if given or max_usd is not None:
            return f"The whole run: until {'a limit is reached: ' + ', '.join(given) if given else 'it is done'}."
        return f"The whole run: no bound; give {', '.join(limits)} or, for a server's model, --max-usd."
    money = f", at most {money_text(at_most['money'], price.currency)}" if price is not None and "money" in at_most else ""
    return f"The whole run: at most {at_most['rollouts']:,} rollouts, {at_most['generated_tokens']:,} tokens generated{money}."
