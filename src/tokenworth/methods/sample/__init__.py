"""`sample`: N answers to a problem."""

from tokenworth.core.measure import Measure
from tokenworth.methods.sample.document import SampleSetDoc, rollout_table

MEASURE = Measure(name="sample", document=SampleSetDoc, table=rollout_table)
