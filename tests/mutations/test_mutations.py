"""Every mutation still fits the code, so that the table in docs/simulation.md stays true."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from tests.mutations import harness
from tests.mutations.known import MUTATIONS
from tests.mutations.mutation import ROOT, Mutation, OutOfDate, mutated


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_mutation_changes_existing_code(mutation: Mutation) -> None:
    before, after = ((ROOT / mutation.file).read_text(), mutated(mutation))
    assert ast.dump(ast.parse(before)) != ast.dump(ast.parse(after))


def test_each_mutation_has_a_name_of_its_own() -> None:
    assert max(Counter(mutation.name for mutation in MUTATIONS).values()) == 1


def test_the_tests_of_mutations_exist() -> None:
    assert [path for path in harness.tests_of(*MUTATIONS) if not (ROOT / path).exists()] == []


def test_a_mutation_without_its_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("one = 1\n")
    for old in ("two = 2", "1\none"):
        with pytest.raises(OutOfDate, match=r"its text is 0 times in code\.py"):
            mutated(Mutation("gone", "code.py", old, "", "Nothing is noticed."), tmp_path)
    (tmp_path / "code.py").write_text("one = 1\none = 1\n")
    with pytest.raises(OutOfDate, match="2 times"):
        mutated(Mutation("twice", "code.py", "one = 1", "", "Nothing is noticed."), tmp_path)
