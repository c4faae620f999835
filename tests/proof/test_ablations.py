"""Each safeguard removed in turn: a seed has to notice."""

import pytest

from worker.simulation import campaign
from worker.simulation.ablations import SAFEGUARDS, Safeguard


@pytest.mark.parametrize("safeguard", SAFEGUARDS, ids=lambda safeguard: safeguard.name)
def test_a_missing_safeguard_is_noticed(safeguard: Safeguard) -> None:
    report = campaign.run(safeguard.seeds, ablated=[safeguard.name], stop_at_first=True)
    print(campaign.summary(report))  # noqa: T201 - pytest shows it
    assert report.failed
