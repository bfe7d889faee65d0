"""Plans for STRIPS problems, Blocksworld above all."""
