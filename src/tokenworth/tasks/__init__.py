"""Problems and the graders that label answers."""
