"""Write a small file in the layout of published exit curves, import it, report it. Run: python import_and_report.py"""

import json
from pathlib import Path

import tokenworth as tw

ROW = {
    "id": "letters/0",
    "subject": "letters",
    "prompt": "Which number is even?",
    "correct": "2",
    "thinking_tokens": ["Let", " me", " see", ".", " 3", " is", " odd", ",", " 4", " is", " even", "."],
    "answer_tokens": ["The", " answer", " is", " 2", "."],
    "prob_runs": [[4, [0.40, 0.35, 0.15]], [4, [0.10, 0.75, 0.05]], [4, [0.02, 0.95, 0.01]]],
    "prob_at_end": [0.01, 0.98, 0.0],
    "stated_choice": "2",
    "thinking_closed": True,
}

source = Path("curves-made-up.jsonl")
source.write_text(json.dumps(ROW) + "\n", encoding="utf-8")
documents = tw.import_path(source)
for document in documents:
    for note in document.notes:
        print("note:", note)
print(tw.write_report("imported.html", *documents, title="A made-up exit curve"))
