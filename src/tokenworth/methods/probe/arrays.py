"""The arrays of a probe's document, for export."""

from __future__ import annotations

import base64
import json

import numpy as np

from tokenworth.core.tensors import Tensors
from tokenworth.errors import InvalidInput
from tokenworth.methods.probe.document import ProbeDoc, StatesDoc


def tensors_of(doc: ProbeDoc) -> Tensors:
    """The probe, and the hidden states of the rows where these were kept, with question, trace, cut and label of each row.

    Raises InvalidInput where there is neither.
    """
    if doc.probe is None and doc.states is None:
        raise InvalidInput("this result holds neither a probe nor hidden states; give it more questions, or keep the states (--states)")
    arrays: dict[str, np.ndarray] = {}
    about = {
        "schema": doc.schema,
        "model": doc.model.name,
        "fingerprint": doc.model.fingerprint,
        **{name: getattr(doc, name) for name in ("task", "ask", "place", "exit")},
        "classes": json.dumps(doc.classes),
        "questions": json.dumps(doc.questions),
    }
    if doc.probe is not None:
        names = ("mean", "scale", "weight", "intercept", "slope", "offset")
        arrays |= {f"probe.{name}": np.asarray(getattr(doc.probe, name), dtype=np.float64) for name in names}
        about["probe.layer"] = str(doc.probe.layer)
    if doc.states is not None:
        arrays["states"] = states_of(doc.states, len(doc.rows.question))
        about["states.layers"] = json.dumps(doc.states.layers)
        for name in ("question", "trace", "cut"):
            arrays[name] = np.asarray(getattr(doc.rows, name), dtype=np.int64)
        arrays["label"] = np.asarray([np.nan if one is None else one for one in doc.rows.label], dtype=np.float64)
    return Tensors(arrays=arrays, about=about)


def states_of(states: StatesDoc, rows: int) -> np.ndarray:
    """The states by row, layer and number. Raises InvalidInput where the text is not so many numbers."""
    try:
        data = base64.b64decode(states.data, validate=True)
    except ValueError as error:
        raise InvalidInput(f"states.data is not base64: {error}") from error
    shape = (rows, len(states.layers), states.width)
    if len(data) != 4 * shape[0] * shape[1] * shape[2]:
        raise InvalidInput(f"states.data holds {len(data):,} bytes, expected {shape[0]} × {shape[1]} × {shape[2]} numbers of 4 bytes")
    return np.frombuffer(data, dtype="<f4").reshape(shape)
