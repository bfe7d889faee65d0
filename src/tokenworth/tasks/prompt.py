"""What a model is asked: the question with its options and, for general models, how to end the answer."""

from __future__ import annotations

from tokenworth.core.problem import AnswerKind, Problem, question_text

OPTION_INSTRUCTION = "Answer the question. End with: The answer is (X)."
FREE_INSTRUCTION = "Answer the question. End with: The answer is X."
LATEX_INSTRUCTION = "Answer the question. End with the answer in \\boxed{}."


def default_instruction(problem: Problem) -> str:
    """The instruction that fits the problem's grader; none for a plan, whose question is the whole prompt."""
    if problem.kind is AnswerKind.PLAN:
        return ""
    if problem.kind is AnswerKind.OPTION:
        return OPTION_INSTRUCTION
    return LATEX_INSTRUCTION if problem.kind is AnswerKind.LATEX else FREE_INSTRUCTION


def user_message(problem: Problem, instruction: str | None = None) -> str:
    """The user's turn: the question, its options, a blank line and the instruction.

    ``instruction`` None takes the default of the problem's kind; the empty string leaves it out, as the bundled model
    was trained.
    """
    said = default_instruction(problem) if instruction is None else instruction
    return f"{question_text(problem)}\n\n{said}" if said else question_text(problem)
