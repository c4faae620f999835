"""What may go wrong with OAuth: answers that are odd on purpose, and rules that Intuit doesn't tell."""

import pytest

from tests.worker.sandbox.app import App, decoded

DAY = 24 * 3600
INVALID_GRANT = (400, "invalid_grant")


def test_revoking_may_end_one_grant_alone(app: App) -> None:
    other = decoded(app.exchange(app.consent()["code"]))
    app.control("oauth", {"revoking_ends": "grant"})
    assert app.revoke(other["refresh_token"]).status == 200
    assert app.refresh_refused(other["refresh_token"]) == INVALID_GRANT
    assert app.api_status() == 200
    assert app.sandbox.oauth.grants_of(app.company.realm) == 1


@pytest.mark.parametrize("replay_revokes", [False, True])
def test_a_code_that_comes_twice_may_end_its_grant(app: App, *, replay_revokes: bool) -> None:
    app.control("oauth", {"replay_revokes": replay_revokes})
    code = app.consent()["code"]
    given = decoded(app.exchange(code))
    assert app.exchange(code).status == 400
    assert app.refresh(given["refresh_token"]).status == (400 if replay_revokes else 200)
    assert app.api_status() == 200, "another grant of the company is not concerned"


@pytest.mark.parametrize("rule", ["harmless", "refused", "end_the_grant"])
def test_two_refreshes_at_once(app: App, rule: str) -> None:
    app.control("oauth", {"token_seconds": 2, "refreshes_at_once": rule})
    token = app.tokens["refresh_token"]
    first = app.refresh(token)
    assert (first.status, first.delay_seconds) == (200, 2)
    app.clock.advance(1.9)
    assert app.refresh(token).status == (200 if rule == "harmless" else 400)
    app.clock.advance(2)
    ended = rule == "end_the_grant"
    assert app.refresh(token).status == (400 if ended else 200), "one after the other is all right"
    assert app.api_status(decoded(first)["access_token"]) == (401 if ended else 200)


def test_a_lost_answer_to_a_refresh_is_no_refresh_at_once(app: App) -> None:
    app.clock.advance(DAY)
    app.control("oauth", {"token": ["lost_answer"], "token_seconds": 2})
    assert app.refresh(app.tokens["refresh_token"]).broken == "after"
    app.clock.advance(2)
    assert app.refresh(app.tokens["refresh_token"]).status == 200


def test_answers_can_be_odd_on_purpose(app: App) -> None:
    token = app.tokens["refresh_token"]
    odd = ["lost_before", "lost_answer", "server_error", "throttled", "huge", "cut", "malformed", None]
    app.control("oauth", {"token": odd, "token_says": {"expires_in": -1, "token_type": None}})
    replies = [app.refresh(token) for _ in odd]
    assert [reply.broken for reply in replies[:2]] == ["before", "after"]
    assert [reply.status for reply in replies[2:]] == [503, 429, 200, 200, 200, 200]
    assert len(replies[4].body) > 1024 * 1024
    assert decoded(replies[4])["refresh_token"] == token
    good = decoded(replies[7])
    assert good["expires_in"] == -1
    assert "token_type" not in good
    assert app.control("oauth", {"token": ["anything"]}).status == 400
