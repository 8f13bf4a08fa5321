"""Which of too many waiting connections makes room."""

from __future__ import annotations

from dataclasses import dataclass

from intake.http.peers import MOST_OF_A_PEER, MOST_WAITING, Crowd


@dataclass(eq=False)
class Waiting:
    name: str
    begun: bool = False
    answering: bool = False
    peer: str = "proxy"


def gone(*waiting: Waiting) -> list[str]:
    """Who made room after the address had as many as it may."""
    left: list[Waiting] = []
    crowd: Crowd[Waiting] = Crowd(left.append)
    for one in waiting:
        crowd.add(one)
    return [one.name for one in left]


def kept(count: int) -> list[Waiting]:
    return [Waiting(f"kept {place}", begun=True) for place in range(count)]


def test_the_newest_stays_though_all_others_have_brought_a_request() -> None:
    assert gone(*kept(MOST_OF_A_PEER), Waiting("new")) == ["kept 0"]


def test_what_never_brought_a_request_goes_first_and_the_oldest_of_it() -> None:
    others = kept(MOST_OF_A_PEER - 2)
    assert gone(*others, Waiting("silent"), Waiting("later"), Waiting("new")) == ["silent"]


def test_what_is_being_answered_goes_last() -> None:
    answered = [Waiting("first", begun=False, answering=True), Waiting("second", begun=True, answering=True)]
    assert gone(*answered, *kept(MOST_OF_A_PEER - 2), Waiting("new")) == ["kept 0"]


def test_the_address_with_the_most_makes_room_for_another() -> None:
    others = [Waiting(f"other {place}", peer=f"{place}") for place in range(MOST_WAITING - MOST_OF_A_PEER)]
    assert gone(*kept(MOST_OF_A_PEER), *others, Waiting("new", peer="new")) == ["kept 0"]
