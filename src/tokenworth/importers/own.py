"""Result files of tokenworth itself, which are documents already."""

from tokenworth.importers.importer import Importer
from tokenworth.store.documents import read_document

DOCUMENTS = Importer(
    reads="a result file of tokenworth itself",
    claims=lambda path: path.name.casefold().endswith(".json"),
    read=lambda path: (read_document(path),),
)
