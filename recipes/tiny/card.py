"""Write the model card and the checksums beside a measured model: ``python -m recipes.tiny.card --model DIR --out DIR``."""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from pathlib import Path

from recipes.tiny.evaluate import MOVED, STILL, UNSEEN
from tokenworth.tasks.world.problems import FAMILIES

SHIPPED = ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
CARD, SUMS = "MODEL_CARD.md", "SHA256SUMS"
_TEMPLATE = Path(__file__).with_name("card_template.md")


def sha256(path: Path) -> str:
    """The hash of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def share(found: dict) -> str:
    """A proportion with its interval, as the card prints it."""
    return f"{found['value']:.3f} ({found['low']:.3f}–{found['high']:.3f})"


def accuracy_table(evaluation: dict) -> str:
    """Accuracy and well-formed outputs by family and sampler."""
    lines = [
        "| family | sampling | accuracy | well-formed | questions answered both ways | trace tokens: median, most |",
        "|---|---|---|---|---|---|",
    ]
    for family in FAMILIES:
        for name, found in evaluation["families"][family]["samplers"].items():
            length = found["trace_tokens"]
            lines.append(
                f"| {family} | {name} | {share(found['accuracy'])} | {share(found['well_formed'])} "
                f"| {found['questions_mixed']:.2f} | {length['median']:.0f}, {length['most']} |"
            )
    return "\n".join(lines)


def empty_table(evaluation: dict) -> str:
    """What the model answers when its trace is empty."""
    lines = [
        "| family | accuracy of the likeliest option | mean P(gold) | questions with P(gold) ≥ .7 | ≤ .4 | mass on the options |",
        "|---|---|---|---|---|---|",
    ]
    for family in FAMILIES:
        found = evaluation["families"][family]["empty_trace"]
        lines.append(
            f"| {family} | {share(found['accuracy'])} | {found['mean_gold']:.3f} | {found['answerable']:.2f} "
            f"| {found['unanswerable']:.2f} | {found['mass']:.4f} |"
        )
    return "\n".join(lines)


def curve_table(evaluation: dict) -> str:
    """How many curves rise, fall, or stay flat."""
    lines = ["| family | sampling | curve | rising | falling | flat | other |", "|---|---|---|---|---|---|---|"]
    for family in FAMILIES:
        for name, found in evaluation["families"][family]["samplers"].items():
            for kind, title in (("forced", "forced P(gold), every cut"), ("value", "value by rollouts, five cuts")):
                counts = found["curves"][kind]
                cells = " | ".join(str(counts[key]) for key in ("rising", "falling", "flat", "other"))
                lines.append(f"| {family} | {name} | {title} | {cells} |")
    return "\n".join(lines)


def stages(training: dict) -> list[dict]:
    """The records of the stages of training, the first one first."""
    before = training.get("before")
    return [*(stages(before) if before else []), training]


def stage_line(number: int, stage: dict) -> str:
    """One stage of training, as the card lists it."""
    recipe = stage["recipe"]
    beside = f"{recipe['mixed_rows']} drills" + (f" and {recipe['direct_rows']} direct questions" if "direct_rows" in recipe else "")
    begin = f"{sum(stage['drill_steps'])} batches of {recipe['drill_rows']} drills, then " if stage["drill_steps"] else "goes on: "
    return (
        f"{number}. {begin}{recipe['sequences']:,} sequences, "
        f"{stage['tokens'] / 1e6:.1f} M tokens ({stage['tokens_with_loss'] / 1e6:.1f} M with loss), "
        f"{recipe['rows']} a batch with {beside} beside them; peak rate {recipe['rate']:g}, seed {recipe['seed']}; "
        f"{stage['wall_seconds'] / 60:.0f} minutes, {stage['threads']} threads."
    )


def short_of_target(evaluation: dict) -> str:
    """What was aimed at and not reached, one line each."""
    lines: list[str] = []
    for family in FAMILIES:
        found = evaluation["families"][family]
        for name, sampled in found["samplers"].items():
            if not 0.4 <= sampled["accuracy"]["value"] <= 0.9:
                lines.append(f"- *{family}* at {name}: accuracy {share(sampled['accuracy'])}, aimed at .4 to .9.")
            if sampled["well_formed"]["value"] < 0.97:
                lines.append(f"- *{family}* at {name}: {share(sampled['well_formed'])} well-formed, aimed at .97 or more.")
            for kind, counts in sampled["curves"].items():
                absent = [key for key in ("rising", "falling", "flat") if not counts[key]]
                if absent:
                    lines.append(f"- *{family}* at {name}: no {' or '.join(absent)} curve among the {kind} curves.")
    answered = [family for family in FAMILIES if evaluation["families"][family]["empty_trace"]["answerable"] > 0]
    if not answered:
        lines.append("- No family has questions that an empty trace answers (P(gold) ≥ .7); some were aimed at.")
    return "\n".join(lines) or "Nothing: every aim of the recipe was reached."


def card(model: Path) -> str:
    """The text of the card, every number taken from the records of the training and the evaluation."""
    training = json.loads((model / "training.json").read_text(encoding="utf-8"))
    evaluation = json.loads((model / "evaluation.json").read_text(encoding="utf-8"))
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    parts = stages(training)
    return _TEMPLATE.read_text(encoding="utf-8").format(
        parameters=f"{training['parameters']:,}",
        layers=config["num_hidden_layers"],
        width=config["hidden_size"],
        inner=config["intermediate_size"],
        heads=config["num_attention_heads"],
        groups=config["num_key_value_heads"],
        vocabulary=config["vocab_size"],
        context=config["max_position_embeddings"],
        size=f"{(model / 'model.safetensors').stat().st_size / 1e6:.1f}",
        longest=max(stage["longest"] for stage in parts),
        stages="\n".join(stage_line(number, stage) for number, stage in enumerate(parts, 1)),
        minutes=f"{sum(stage['wall_seconds'] for stage in parts) / 60:.0f}",
        torch=training["torch"],
        questions=evaluation["questions"],
        first=evaluation["first"],
        tuned="none of them was looked at while the data was tuned"
        if evaluation["first"] >= UNSEEN
        else "many of them were also looked at while the data was tuned, so the numbers may be a little kind",
        stop=evaluation["first"] + evaluation["questions"],
        samples=evaluation["samples"],
        evaluation_seed=evaluation["seed"],
        curves=evaluation["curves"],
        half_curves=evaluation["curves"] // 2,
        rollouts=evaluation["rollouts"],
        moved=f"{MOVED:g}".lstrip("0"),
        still=f"{STILL:g}".lstrip("0"),
        accuracy=accuracy_table(evaluation),
        empty=empty_table(evaluation),
        shapes=curve_table(evaluation),
        short=short_of_target(evaluation),
        sha256=sha256(model / "model.safetensors"),
    )


def publish(model: Path, out: Path) -> None:
    """Copy the files that ship to ``out``, and write the card and the checksums there."""
    out.mkdir(parents=True, exist_ok=True)
    for name in SHIPPED:
        target = out / name
        if model.resolve() != out.resolve():
            shutil.copyfile(model / name, target)
        target.chmod(0o644)
    (out / CARD).write_text(card(model), encoding="utf-8")
    sums = "".join(f"{sha256(out / name)}  {name}\n" for name in sorted((*SHIPPED, CARD)))
    (out / SUMS).write_text(sums, encoding="utf-8")


def main() -> None:
    """Read the arguments and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder left by train and evaluate")
    parser.add_argument("--out", type=Path, required=True, help="folder for the files that ship")
    args = parser.parse_args()
    publish(args.model, args.out)


if __name__ == "__main__":
    main()
