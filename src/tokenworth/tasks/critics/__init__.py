"""Critics: verifiers of answers behind one small port, and banks of them."""
