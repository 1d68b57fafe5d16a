"""docs/clients.md says what the clients' files have, no more and no less."""

import re

import pytest

import suites
import weir_server

HEADS = {"python": "chat stream tools structured embed", "node": "chat stream tools structured embed",
         "stores": "nearest filtered removed reopened"}


def rows():
    """{file: the subjects whose cell says yes}, by the columns of its table."""
    found = {}
    for line in (weir_server.ROOT / "docs" / "clients.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if "file" in cells:
            columns = cells
        elif match := re.search(r"\| `((?:python|node|stores)/\w+\.m?[pyjs]+)` \|", line):
            found[match[1]] = {column for column, cell in zip(columns, cells) if cell == "yes"}
    return found


@pytest.mark.parametrize("folder", HEADS)
def test_the_table_of_clients_is_that_of_their_files(folder):
    files = {f"{folder}/{path.name}": set(subjects) for path, subjects in suites.subjects_of(folder).items()}
    assert files == {name: subjects for name, subjects in rows().items() if name.startswith(f"{folder}/")}
    assert all(subjects <= set(HEADS[folder].split()) for subjects in files.values())


@pytest.mark.parametrize("folder", HEADS)
def test_a_client_has_the_functions_that_it_says(folder):
    for path, subjects in suites.subjects_of(folder).items():
        word = r"^(?:async )?def " if path.suffix == ".py" else r"^export (?:async )?function\*? "
        made = set(re.findall(word + r"(\w+)\(", path.read_text(), flags=re.M))
        for names in re.findall(r"^([a-z_, ]+) = \w+\.\w+\(", path.read_text(), flags=re.M):  # made by another module
            made |= set(names.split(", "))
        assert set(subjects) <= made, path
        assert not (made - set(subjects)) & set(HEADS[folder].split()), f"{path} does not say all it has"
