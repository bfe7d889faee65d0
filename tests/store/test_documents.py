"""Result documents as bytes: what is said of those that are none."""

import pytest

from tokenworth.errors import InvalidInput
from tokenworth.store.documents import parse_document


def test_a_text_is_not_called_a_document_that_was_cut_short() -> None:
    for data, is_cut in ((b"The answer is B.", False), (b"<html>", False), (b'{"schema": "tok', True), (b"", True)):
        with pytest.raises(InvalidInput) as caught:
            parse_document(data, "notes.txt")
        assert ("cut short" in str(caught.value)) == is_cut
