"""A synthetic world in plain restricted English: questions with options, and the traces a model is trained on."""
