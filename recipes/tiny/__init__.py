"""How the bundled tiny model is made: data, tokenizer, training, evaluation."""
