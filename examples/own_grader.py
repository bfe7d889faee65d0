"""A grader of one's own. Run: python own_grader.py, or in this folder give --grader own_grader:last_letter

A grader takes the problem and the answer text (what follows the close marker) and returns a Grade. It must be pure.
"""

import re

import tokenworth as tw
from tokenworth.core.grade import UNPARSEABLE, Grade, Verdict


def last_letter(problem: tw.Problem, text: str) -> Grade:
    """Takes the last capital letter in parentheses, where the built-in grader wants exactly one."""
    letters = [letter for letter in re.findall(r"\(([A-Z])\)", text) if letter in problem.labels]
    if not letters:
        return Grade(outcome=UNPARSEABLE, verdict=Verdict.UNKNOWN)
    return Grade(outcome=letters[-1], verdict=Verdict.CORRECT if letters[-1] == problem.gold else Verdict.INCORRECT)


if __name__ == "__main__":
    with tw.Workbench("tiny", store="grader.db") as bench:
        for grader in ("option", "own_grader:last_letter"):
            result = bench.case("world:guess", 1, grader=grader).sample(16, seed=0).result
            print(f"{grader:24} accuracy {result.accuracy:.2f}, outcomes {dict(result.outcomes)}")
