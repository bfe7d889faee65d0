"""q_c at many cuts from one pass over the sequence."""

from __future__ import annotations

import numpy as np
import torch

from tokenworth.backends.local.model import LocalModel
from tokenworth.backends.local.prefixes import PrefixStore
from tokenworth.backends.local.sampler import support
from tokenworth.core.request.next_token import NextToken, NextTokenTable


@torch.inference_mode()
def next_token(model: LocalModel, prefixes: PrefixStore, request: NextToken) -> NextTokenTable:
    """The table of one request; the same logits and the same code decide what a rollout draws at a cut."""
    n, top = len(request.cuts), request.top
    p, logprob, count = np.zeros(n), np.zeros(n), np.zeros(n, dtype=np.int64)
    top_ids, top_p = np.full((n, top), -1, dtype=np.int64), np.zeros((n, top))
    if n:
        sequence, n_prompt = request.sequence, len(request.sequence.prompt)
        cuts = np.asarray(request.cuts, dtype=np.int64)
        prefix = prefixes.get(sequence.prefix(int(cuts.max())))
        base = np.asarray(sequence.completion, dtype=np.int64)[cuts]
        size = max(1, model.head_rows // 4)
        for begin in range(0, n, size):
            rows = slice(begin, min(n, begin + size))
            tokens = torch.from_numpy(base[rows]).to(model.device)
            logits = model.logits(prefix.states(cuts[rows] + (n_prompt - 1)))
            chosen = logits.double().gather(-1, tokens[:, None])[:, 0] - torch.logsumexp(logits.double(), -1)
            q = support(logits, request.params)
            ids, values = q.top(top)
            p[rows] = q.probability(tokens).cpu().numpy()
            logprob[rows] = chosen.cpu().numpy()
            count[rows] = (q.q > 0).sum(-1).cpu().numpy()
            top_ids[rows], top_p[rows] = ids.cpu().numpy(), values.cpu().numpy()
    return NextTokenTable(p=p, logprob=logprob, top_ids=top_ids, top_p=top_p, support=count)
