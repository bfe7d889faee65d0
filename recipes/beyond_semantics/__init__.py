"""Small decoders trained from nothing on right, swapped and no traces of maze A*."""
