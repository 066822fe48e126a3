from datetime import timedelta

import msgspec
import pytest

from onepark.contexts.vacancies.board import Board
from onepark.contexts.vacancies.model import NearbyQuery, Quality, Source, Trust, VacancyList
from onepark.kernel.types import LotId, Pool
from tests.builders import EIGHT
from tests.fakes.city import LAT, LON, Archive, a_calibration, a_city_lot, a_count

HERE = NearbyQuery(LAT, LON, 5_000, 20)


@pytest.fixture
def archive() -> Archive:
    return Archive([a_city_lot(1), a_city_lot(2)])


@pytest.fixture
def board(archive: Archive) -> Board:
    board = Board(archive, Trust(180, 1800))
    board.complete()
    board.turn_to(Source.LIVE)
    board.take_changed()
    return board


def free(board: Board, number: int = 1) -> int | None:
    return board.vacancy(a_city_lot(number), EIGHT).free


def test_a_newer_count_is_taken_and_an_older_or_repeated_one_is_not(board):
    assert board.apply([a_count(10, n=5)]) == [a_count(10, n=5)]
    assert board.apply([a_count(7, n=4), a_count(8, n=5)]) == []
    assert free(board) == 90
    board.apply([a_count(3, n=1, incarnation=2)])
    assert free(board) == 97


def test_pools_of_one_lot_do_not_disturb_each_other(board):
    board.apply([a_count(10), a_count(4, pool=Pool.CONTRACT)])
    assert set(board.counts_of(LotId(1)).counts) == {Pool.SHORT_STAY, Pool.CONTRACT}
    assert free(board) == 90


def test_a_sign_of_life_only_ever_moves_forward(board):
    assert board.hear(LotId(1), EIGHT)
    assert not board.hear(LotId(1), EIGHT - timedelta(seconds=1))
    assert board.counts_of(LotId(1)).heard_at == EIGHT
    board.apply([a_count(1, changed_at=EIGHT - timedelta(hours=1))])
    assert board.counts_of(LotId(1)).heard_at == EIGHT


def test_what_was_read_before_is_not_changed_by_what_comes_after(board):
    board.apply([a_count(1, n=1)])
    before = board.counts_of(LotId(1))
    board.apply([a_count(2, n=2)])
    assert before.counts[Pool.SHORT_STAY].occupied == 1


def test_a_newer_calibration_is_shown_and_an_older_or_repeated_one_is_not(board):
    board.apply([a_count(10)])
    board.calibrate([a_calibration(5, n=3)])
    board.calibrate([a_calibration(9, n=2), a_calibration(7, n=3)])
    assert free(board) == 85
    board.calibrate([a_calibration(-4, n=0, incarnation=2)])
    assert free(board) == 94
    board.calibrate([a_calibration(None, n=1, incarnation=2)])
    assert free(board) == 90


def test_counts_calibrations_and_signs_of_life_do_not_undo_each_other(board):
    board.calibrate([a_calibration(5)])
    assert board.vacancy(a_city_lot(), EIGHT).as_of is None, "it is no sign of life"
    board.apply([a_count(10)])
    board.hear(LotId(1), EIGHT + timedelta(seconds=9))
    board.calibrate([a_calibration(3, pool=Pool.CONTRACT)])
    assert free(board) == 85
    assert set(board.counts_of(LotId(1)).calibrations) == {Pool.SHORT_STAY, Pool.CONTRACT}


def test_a_calibration_changes_its_lot_and_its_json_once(board):
    lot = a_city_lot()
    assert b'"drift":null' in board.vacancy_json(lot, EIGHT)
    board.calibrate([a_calibration(5)])
    assert board.take_changed() == {1}
    shown = b'"occupied":5,"free":95,"raw":0,"drift":5,"snapshot_at":"2026-11-20T08:00:00+08:00"'
    assert shown in board.vacancy_json(lot, EIGHT)
    board.calibrate([a_calibration(5)])
    assert board.take_changed() == set()


def test_json_says_what_the_struct_says(board):
    board.calibrate([a_calibration(5)])
    board.apply([a_count(10)])
    listed = msgspec.json.decode(board.nearest_json(HERE, EIGHT), type=VacancyList)
    one, two = listed.vacancies
    assert (one.distance_m, two.distance_m) == (0, 1111)
    assert msgspec.structs.replace(one, distance_m=msgspec.UNSET) == board.vacancy(
        a_city_lot(1), EIGHT
    )
    assert listed.source is Source.LIVE


def test_json_is_made_once_a_second_unless_something_changes(board):
    lot = a_city_lot()
    first = board.vacancy_json(lot, EIGHT)
    assert board.vacancy_json(lot, EIGHT + timedelta(milliseconds=900)) is first
    board.apply([a_count(1)])
    second = board.vacancy_json(lot, EIGHT)
    assert b'"free":99' in second
    assert b'"age_s":3' in board.vacancy_json(lot, EIGHT + timedelta(seconds=3))
    board.turn_to(Source.DATABASE)
    assert b'"source":"database"' in board.vacancy_json(lot, EIGHT)


def test_a_search_shows_at_once_what_changed_and_how_time_passes(board):
    def shown(at=EIGHT):
        return msgspec.json.decode(board.nearest_json(HERE, at), type=VacancyList)

    def of(at=EIGHT):
        return [board.vacancy(a_city_lot(number), at) for number in (1, 2)]

    def seen(at=EIGHT):
        return [
            msgspec.structs.replace(one, distance_m=msgspec.UNSET) for one in shown(at).vacancies
        ]

    assert seen() == of()
    board.apply([a_count(10, lot_id=LotId(2))])
    assert seen() == of()
    board.hear(LotId(1), EIGHT)
    later = EIGHT + timedelta(seconds=3)
    assert seen(later) == of(later)
    board.turn_to(Source.DATABASE)
    assert (seen(later), shown(later).source) == (of(later), Source.DATABASE)


def test_what_is_told_of_a_lot_that_left_the_archive_is_kept_and_shown_to_nobody(board, archive):
    archive.replace([a_city_lot(2)])
    assert board.apply([a_count(10)]) == [a_count(10)]
    listed = msgspec.json.decode(board.nearest_json(HERE, EIGHT), type=VacancyList)
    assert [shown.lot for shown in listed.vacancies] == ["320281001102"]
    archive.replace([a_city_lot(1)])
    listed = msgspec.json.decode(board.nearest_json(HERE, EIGHT), type=VacancyList)
    assert [shown.free for shown in listed.vacancies] == [90]


def test_a_new_version_of_the_archive_is_searched_at_once(board, archive):
    board.apply([a_count(10)])
    archive.replace([a_city_lot(1, pools={Pool.SHORT_STAY: 30}), a_city_lot(3)])
    listed = msgspec.json.decode(board.nearest_json(HERE, EIGHT), type=VacancyList)
    assert [(shown.lot, shown.free) for shown in listed.vacancies] == [
        ("320281001101", 20),
        ("320281001103", 100),
    ]


def test_changes_are_handed_out_once(board):
    board.apply([a_count(1), a_count(1, lot_id=LotId(2))])
    assert board.take_changed() == {1, 2}
    assert board.take_changed() == set()


def test_a_lot_that_falls_silent_counts_as_changed_when_its_quality_does(board):
    board.apply([a_count(1)])
    board.age(EIGHT)
    board.take_changed()
    board.age(EIGHT + timedelta(seconds=180))
    assert board.take_changed() == set()
    board.age(EIGHT + timedelta(seconds=181))
    assert board.take_changed() == {1}
    at = EIGHT + timedelta(seconds=181)
    assert board.vacancy(a_city_lot(), at).quality is Quality.LATE


def test_turning_to_the_database_changes_every_lot(board):
    board.turn_to(Source.DATABASE)
    assert board.take_changed() == {1, 2}
