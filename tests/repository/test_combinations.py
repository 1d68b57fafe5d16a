"""docs/combinations.md is what its generator prints, each subject has a case, and each case a subject."""

import sys

import weir_server

sys.path.insert(0, str(weir_server.ROOT / "tools"))
import combinations_table  # noqa: E402


def test_the_page_is_what_the_generator_prints():
    page = (weir_server.ROOT / "docs" / "combinations.md").read_text()
    assert page == combinations_table.document(), "run tools/combinations_table.py > docs/combinations.md"


def test_no_subject_is_without_a_case_and_no_case_without_a_subject():
    assert {about["subject"] for _, about in combinations_table.cases()} == set(combinations_table.SUBJECTS)


def test_what_a_client_lacks_is_said_and_nothing_else():
    for name, about in combinations_table.cases():
        folder = combinations_table.CASES / name
        sent = {client for client in combinations_table.CLIENTS if (folder / f"{client}.json").exists()}
        assert sent | set(about.get("lacks", {})) == set(combinations_table.CLIENTS), name
        assert {path.stem for path in (folder / "expected").iterdir()} == sent, name
