"""What an error code means, in a sentence for a reader."""

from __future__ import annotations

from tokenworth import catalog
from tokenworth.core.verification import Tier
from tokenworth.tasks.domains import domain_named
from tokenworth.tasks.sentences import COMMON, TIERS


def explained(code: str, tier: Tier, domain: str = "") -> str:
    """The meaning of a code in a domain; that of its tier if the code has none."""
    own = domain_named(domain).sentences if domain in catalog.DOMAINS else COMMON
    return own.get(code) or COMMON.get(code) or TIERS[tier]
