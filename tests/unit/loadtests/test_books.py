"""The sums of a load run."""

import msgspec

from loadtests.common.books import Books


def test_what_a_worker_hands_over_is_counted_once():
    worker, leader = Books(), Books()
    worker.move("a", 1)
    worker.move("b", -1)
    worker.passages, worker.payments, worker.paid_fen, worker.repeats = 2, 1, 500, 1
    for _ in range(2):  # the second report has nothing new
        told = msgspec.to_builtins(worker.taken())
        leader.add(msgspec.convert(told, type=Books))
    worker.move("a", 1)
    leader.add(worker.taken())
    assert leader == Books({"a": 2, "b": -1}, 2, 1, 0, 500, 1)


def test_a_report_and_what_comes_after_it_are_apart():
    books = Books()
    books.move("a", 1)
    told = books.taken()
    books.move("a", 5)
    assert (told.moved, books.moved) == ({"a": 1}, {"a": 5})
