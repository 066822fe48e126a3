"""Files are short, stand where a stranger looks for them, and say what they own."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, SRC, Module, modules, papers

FILE_LINES = 400
FUNCTION_LINES = 50

ROLES = {
    *("__init__", "model", "rules", "events", "errors", "ports", "store", "service", "http"),
    "jobs",
}
BESIDE_THE_ROLES = {
    "access/accounts": "what is done to accounts of others is no use case of one's own login",
    "access/account_http": "the endpoints of administrators and auditors, beside one's own",
    "access/doorkeeper": "who is let in is asked by every endpoint of staff, and by no use case",
    "access/factor_store": "the statements of authenticators, beside those of accounts",
    "access/hashing": "the crowd at the few threads that hash is refused in one place",
    "access/pace": "how often people may try is counted apart from what they try",
    "access/second_factors": "authenticators have a life of their own, under any login",
    "access/session_store": "the statements of logins that hold, beside those of accounts",
    "gate/barriers": "what devices say of barriers is kept and told on, and answers no passage",
    "gate/barrier_store": "the statements of barriers alone, beside those of commands",
    "gate/clocks": "by how much each device's clock is off is a snapshot with a life of its own",
    "settlement/books": "what clearing posts is told from its totals, without a database",
    "settlement/contract_store": "the statements of contracts and tasks, beside those of clearing",
    "settlement/contracts": "what two people agree on, apart from the clearing that it governs",
    "settlement/cycles": "what a cycle and its statement come to: pure, and asked by both ways",
    "settlement/payout_http": "the endpoints of payouts, beside those of contracts",
    "settlement/statement_http": "the endpoints of statements, beside those of contracts",
    "settlement/payout_model": "a payout has nouns and states of its own",
    "settlement/payout_store": "the statements of payouts alone",
    "settlement/payouts": "money on its way has steps and hands of its own, and clears nothing",
    "settlement/statement_store": "the statements that read what was cleared, and the books anew",
    "settlement/statements": "showing and proving statements clears nothing",
    "settlement/terms": "the terms of a contract: what rules.py computes by and model.py shows",
    "stays/meter_store": "the statements that are only measured, beside those that serve",
    "stays/meters": "what is counted of stays is no decision about a car",
    "payments/attempts": "how an attempt begins and is shown needs neither database nor provider",
    "ledger/meters": "what is counted of the books is no use case",
    "payments/journals": "what goes into the books is written in the words of the books",
    "membership/coupon_store": "the statements of coupons, beside those of passes",
    "membership/coupons": "what merchants pay for is issued, redeemed and counted by itself",
    "membership/desk": "what every use case of staff begins with, once for all of them",
    "membership/earning": "prepaid money becomes revenue as time goes by, not by a request",
    "membership/list_http": "the endpoints of lists, beside those of sales",
    "membership/list_store": "the statements of white lists and fleets, beside those of passes",
    "membership/lists": "who parks free without paying is no sale",
    "membership/numbers": "fresh order numbers come from chance, which rules.py never asks",
    "membership/office": "what staff do about passes has roles, reasons and an audit trail",
    "membership/staff_http": "the endpoints of staff, beside those of everybody",
    "payments/payables": "what an order is for is told from its number, for every payment",
    "stays/coupon_orders": "what coupons ask of orders is asked from below, by a port",
    "stays/pricing": "passes and coupons are priced beside the plan, for the fold and for dues",
    "stays/seat_store": "the statements of the seats of fleets, which few batches need",
    "payments/meters": "what is counted of payments is no use case",
    "payments/numbers": "fresh numbers come from chance, which rules.py never asks",
    "payments/receipt_store": "the statements of what lots took, beside those of providers",
    "payments/receipts": "what a lot took itself is told by staff, with roles and an audit trail",
    "payments/refund_desk": "what staff do to refunds has roles, reasons and an audit trail",
    "payments/refund_store": "the statements of refunds, beside those of payments",
    "payments/refunds": "giving money back has a life of its own after a payment has ended",
    "payments/staff_http": "the endpoints of staff, beside those of everybody",
    "gate/meter_store": "the statements that are only measured, beside those that serve",
    "gate/meters": "what is counted of devices is no decision about them",
    "gate/queues": "where passages wait is asked by requests and by acknowledged commands",
    "reconciliation/desk": "what staff see and say has roles, reasons and an audit trail",
    "reconciliation/difference_store": "the statements of differences, beside those of files",
    "reconciliation/keeping": "a file and its lines go into the books alike for jobs and staff",
    "reconciliation/ours_store": "the statements of what others' views show, beside its own",
    "reconciliation/meters": "what is counted of differences is no use case",
    "invoices/desk": "what staff do to invoices has roles, reasons and an audit trail",
    "invoices/issuing": "what becomes of an invoice after it was asked for has a life of its own",
    "invoices/message_store": "the statements of what is told, beside those of invoices",
    "invoices/meters": "what is counted of invoices is no use case",
    "invoices/office": "in whose name documents are made out is filed, not asked for by a payer",
    "invoices/staff_http": "the endpoints of staff, beside those of everybody",
    "invoices/telling": "who is told of invoices, until it is heard, is no step of making one out",
    "invoices/title_store": "the statements of the title book alone",
    "invoices/titles": "whom invoices are made out to is kept for longer than any of them",
    "payments/kept": "what stays paid is asked by others, who must not see the statements",
    "registry/directory": "the snapshot that the hot path reads has a life of its own",
    "registry/importing": "reading and judging files of lots is no use case of a request",
    "stays/case": "what a decision looks at and comes to: half of the nouns, none on the wire",
    "stays/entered_again": "a second entry at another lane is looked for over all lots",
    "stays/ghosts": "what shows that an unseen car has gone is gathered over all lots, not in one",
    "stays/ghost_store": "the statements of that evidence alone",
    "stays/history_store": "the statements of late passages alone, beside those of every batch",
    "stays/refold": "late passages fold a car again; rules.py goes on from what is known",
    "stays/batch": "parting a batch and ordering its answers decides nothing about a car",
    "stays/desk": "what staff decide has roles and an audit trail, unlike all else there",
    "stays/misreads": "whose a misread exit is takes a whole lot to judge, not one car",
    "stays/moments": "how passages and stays lie in time is asked by the fold and by the misreads",
    "stays/money": "orders and charges are half of a stay, and would double rules.py",
    "stays/lesson_store": "the statements of readings that nobody decided, beside those of tasks",
    "stays/lessons": "what exits teach the models of cameras, apart from the judging",
    "stays/numbers": "fresh numbers come from chance, which rules.py never asks",
    "stays/odd_counts": "a count that cannot be is of a lot and of no car",
    "stays/odd_count_store": "the statements of those counts alone",
    "stays/oddities": "what is odd of a stay has nouns and views of its own",
    "stays/oddity_store": "the statements of oddities, beside those of passages",
    "stays/order_store": "the statements of orders, beside those of passages",
    "stays/replay": "pricing the past again is work over history, no use case of a request",
    "stays/replay_store": "the one statement that reads the past, by cursor",
    "stays/plates": "the models of cameras are a snapshot with a life of its own",
    "stays/task_store": "the statements of misreads, tasks and models, beside those of passages",
    "stays/tasks": "what waits for a person has nouns and views of its own",
    "stays/visits": "which visits a quota counts is asked by the fold and by the replay",
    "stays/save_store": "what a batch keeps: one statement, as long as all others of the path",
    "stays/rulings": "what people say of passages has roles, reasons and an audit trail",
    "stays/ruling_store": "the statements of rulings, beside those of passages",
    "stays/staff": "what the use cases of staff begin and end with, once for all of them",
    "stays/staff_http": "the endpoints of staff, beside those of everybody",
    "stays/sequence_store": "the statements of the numbers of passages, which heartbeats ask for",
    "stays/two_lots": "one plate in two lots is the city's to judge: no operator sees it whole",
    "stays/two_lots_store": "the statements of those pairs alone",
    "stays/unopened": "what went on at a lane is judged over all its cars, not in the fold of one",
    "stays/views": "what citizens see of orders is masked and limited, unlike all else there",
    "tariffs/checking": "what is wrong with a plan is asked with and without a platform around it",
    "tariffs/filing": "a draft has nouns and decisions of its own, none of which prices anything",
    "tariffs/filing_http": "the endpoints of staff, beside those of everybody",
    "tariffs/filing_store": "the statements of drafts, beside those that hot paths load",
    "tariffs/language": "the published schema of plans is read by the world, not by the platform",
    "tariffs/office": "what people do to plans, apart from what the hot path reads of them",
    "tariffs/phrases": "the words of a plan in Chinese, apart from the grammar that joins them",
    "tariffs/proof": "what lets anybody compute an amount again must not need the platform",
    "tariffs/wording": "a plan in plain Chinese is a language of its own, table by table",
    "webhooks/meters": "what waits for operators is no use case",
    "vacancies/calibration_store": "one long statement that compares counts with snapshots",
    "vacancies/calibrator": "comparing counts with snapshots is the worker's, unlike other jobs",
    "vacancies/grid": "which lots are near is geometry alone, and the fast half of the board",
    "vacancies/past": "the past is read from PostgreSQL and the present from memory: another life",
    "vacancies/past_rules": "what visits and snapshots make of the past; rules.py says the present",
    "vacancies/past_store": "the statements of visits and snapshots, beside those of live counts",
    "vacancies/stream": "who listens, and what each was not told yet, is a life of its own",
    "vacancies/board": "the board in memory is what every vacancy is answered from",
}

# Spelt in two pieces, so that this file does not find itself.
MARKERS = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
MACHINE_PATHS = re.compile(
    r"(?<![\w.}])/(wo" + r"rk|ro" + r"ot|ho" + r"me|fa" + r"rm)/\w|/tmp" + r"/\w"
)


def python_files() -> list[Module]:
    own = [Module(ROOT, path) for path in papers() if path.suffix == ".py"]
    assert len(own) > len(modules()), "src is not all there is"
    return own


def functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def long_functions(module: Module) -> list[str]:
    return [
        f"{module.name}.{node.name}: {length(node)} lines"
        for node in functions(module)
        if length(node) > FUNCTION_LINES
    ]


def holds_code(node: ast.stmt) -> bool:
    return not isinstance(node, ast.Expr | ast.Assign | ast.AnnAssign)


def says_what_it_owns(module: Module) -> bool:
    if module.path.stem == "__init__" and not any(map(holds_code, module.tree.body)):
        return True
    docstring = ast.get_docstring(module.tree) or ""
    return all(re.search(f"^{word}: ", docstring, re.MULTILINE) for word in ("Owns", "Never"))


def strangers(base: Path) -> list[str]:
    """Files of a context that have no agreed role."""
    below = base / "onepark" / "contexts"
    names = [
        module.path.relative_to(below).with_suffix("")
        for module in modules(base)
        if below in module.path.parents
    ]
    return [
        name.as_posix()
        for name in names
        if name.name not in ROLES and name.as_posix() not in BESIDE_THE_ROLES
    ]


def marked(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {found[0]}"
        for path in papers()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (found := pattern.search(line))
    ]


def test_no_file_is_longer_than_one_reading():
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in papers()}
    code = {path: count for path, count in lines.items() if path.suffix in {".py", ".pyi", ".rs"}}
    assert [
        f"{path.relative_to(ROOT)}: {count} lines"
        for path, count in code.items()
        if count > FILE_LINES
    ] == []


def test_no_function_is_longer_than_a_screen():
    assert [line for module in python_files() for line in long_functions(module)] == []


def test_every_module_says_what_it_owns_and_what_it_never_does():
    sources = [
        module for module in modules() if module.path.suffix == ".py" and module.text.strip()
    ]
    assert [module.name for module in sources if not says_what_it_owns(module)] == []


def test_a_context_holds_only_files_with_an_agreed_role():
    assert strangers(SRC) == []


def test_open_work_lives_in_issues():
    assert marked(MARKERS) == []


def test_no_path_of_somebodys_machine_is_written_down():
    assert marked(MACHINE_PATHS) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('"""What it is.\n\nOwns: a.\nNever: b.\n"""\n', True),
        ('"""What it is.\n\nOwns: a.\n"""\n', False),
        ("LIMIT = 3\n", False),
    ],
)
def test_a_module_that_says_too_little_is_found(tmp_path, text, found):
    path = tmp_path / "model.py"
    path.write_text(text)
    assert says_what_it_owns(Module(tmp_path, path)) is found


def test_a_planted_stranger_is_found(tmp_path):
    for name in ("contexts/stays/rules", "contexts/stays/helpers", "infra/helpers"):
        path = tmp_path / "onepark" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert strangers(tmp_path) == ["stays/helpers"]


def test_a_planted_long_function_is_found(tmp_path):
    path = tmp_path / "model.py"
    path.write_text("def f():\n" + "    x = 1\n" * FUNCTION_LINES)
    assert long_functions(Module(tmp_path, path)) == ["model.f: 51 lines"]
