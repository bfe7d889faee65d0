"""Price tables: what is read, and one line for what is not one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenworth.errors import InvalidInput, MissingFile, UnknownName
from tokenworth.run.cost import Price
from tokenworth.run.prices import load_prices

TABLE = """
[models."http://host:8000/v1"]
input = 0.5
output = 2
[models."qwen/qwen3-8b"]
input = 0.1
cached_input = 0.02
output = 0.4
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "prices.toml"


def test_prices_by_name(file: Path) -> None:
    file.write_text(TABLE)
    table = load_prices(file)
    assert table.currency == "USD" and table.source == str(file)
    assert table.for_model("qwen/qwen3-8b") == Price(input_per_million=0.1, cached_input_per_million=0.02, output_per_million=0.4)
    assert table.for_model("http://host:8000/v1").cached_per_million == 0.5
    with pytest.raises(UnknownName, match=r"qwen/qwen3-8B.*did you mean qwen/qwen3-8b"):
        table.for_model("qwen/qwen3-8B")


def test_another_currency(file: Path) -> None:
    file.write_text('currency = "EUR"\n' + TABLE)
    assert load_prices(file).for_model("qwen/qwen3-8b").currency == "EUR"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no models"),
        ("models = 3", "no models"),
        ("[models]", "no models"),
        ("[models.a]\ninput = 1", "models.'a' has no output"),
        ("[models]\na = 1", "models.'a' is 1"),
        ("[models.a]\ninput = 1\noutput = -2", "models.'a'.output is -2"),
        ("[models.a]\ninput = nan\noutput = 2", "models.'a'.input is nan"),
        ("[models.a]\ninput = 1\noutput = inf", "models.'a'.output is inf"),
        (f"[models.a]\ninput = 1{'0' * 400}\noutput = 2", "models.'a'.input is 1"),
        ("[models.a]\ninput = true\noutput = 2", "models.'a'.input is True"),
        ('[models.a]\ninput = "1"\noutput = 2', "models.'a'.input is '1'"),
        ("[models.a]\ninput = 1\noutput = 2\ncached_inputs = 1", "models.'a': unknown key 'cached_inputs'; did you mean cached_input"),
        ("[models.a]\ninput = 1\noutput = 2\n[model.b]\ninput = 1", "unknown key 'model'; did you mean models?"),
        ("currency = 3\n[models.a]\ninput = 1\noutput = 2", "currency is 3"),
        ("[models.a", "price table"),
        ("[models.a]\ninput = 1\ninput = 2", "price table"),
    ],
)
def test_what_is_no_price_table_is_refused_in_one_line(file: Path, text: str, says: str) -> None:
    file.write_text(text)
    with pytest.raises(InvalidInput) as caught:
        load_prices(file)
    assert says in str(caught.value) and str(file) in str(caught.value) and "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match="no price table"):
        load_prices(tmp_path / "none.toml")
    with pytest.raises(InvalidInput, match="price table"):
        load_prices(tmp_path)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInput, match="price table"):
        load_prices(tmp_path / "bytes")
