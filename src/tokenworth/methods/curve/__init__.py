"""`curve`: the value of a trace at every cut."""

from tokenworth.core.measure import Measure
from tokenworth.methods.curve.document import CurveDoc, rollout_table

MEASURE = Measure(name="curve", document=CurveDoc, table=rollout_table)
