"""The verifier of Blocksworld as `audit` attacks it."""

from __future__ import annotations

from tokenworth.tasks.audit.attack import as_prompted, verifying
from tokenworth.tasks.audit.blocks import BLOCKSWORLD
from tokenworth.tasks.blocksworld.domain import DOMAIN

ATTACKS = (verifying(DOMAIN, BLOCKSWORLD, as_prompted),)
"""The verifier."""
