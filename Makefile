# make setup: .venv with the locked dependencies; make demo; make test; make check
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
APT    := $(if $(filter 0,$(shell id -u)),,sudo -n) env DEBIAN_FRONTEND=noninteractive apt-get -qq
STAMP  := $(VENV)/.installed
TSTAMP := $(VENV)/.installed-test

# Every command of every test is a start of Python: compiled once, it takes half as long.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo test balancer browser looks unit chaos outage fuzz crowd receipts caps vote day answers suppression http-figures \
	check format lock bench figures tls-figures compile interpreted clean backtest openapi

setup: $(STAMP)

$(STAMP): requirements/run.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "posdata needs Python 3.11 or newer; run: make PYTHON=python3.11 " + "setup")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	$(BIN)/python -m compileall -q adapters engine inventory segments validators
	touch $@

$(TSTAMP): $(STAMP) requirements/test.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.lock
	touch $@

demo: setup
	$(BIN)/posdata demo

# Nodes whose promises are measured in seconds have the machine for themselves. The other nodes wait a good part of their
# time: three at once, the browser, which takes longest, first.
ALONE := $(addprefix tests/node/test_node_,$(addsuffix .py,chaos drain fuzz fuzz_crowd outage \
	recovery_parts rolling switches))

test: $(TSTAMP) balancer browser
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/unit tests/property tests/contract tests/integration
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder tests/browser tests/node $(addprefix --ignore=,$(ALONE))
	$(BIN)/python -m pytest --durations=12 $(ALONE)

# haproxy, for the test of a rolling restart, which is skipped where there is neither it nor a way to install it.
balancer:
	@PATH="$$PATH:/usr/sbin" command -v haproxy >/dev/null || $(APT) install -y --no-install-recommends haproxy >/dev/null \
		|| { $(APT) update >/dev/null && $(APT) install -y --no-install-recommends haproxy >/dev/null; } \
		|| echo 'make: no haproxy, and no way to install it: the test of a rolling restart will be skipped' >&2

# Chromium, for the tests of the console, which are skipped where there is neither it nor a way to install it.
browser:
	@command -v chromium >/dev/null || $(APT) install -y --no-install-recommends chromium >/dev/null \
		|| { $(APT) update >/dev/null && $(APT) install -y --no-install-recommends chromium >/dev/null; } \
		|| echo 'make: no chromium, and no way to install it: the tests of the console in a browser will be skipped' >&2

# Every page of the console for everybody who may see it as pictures: by width, theme and language, in PICTURES=looks.
looks: $(TSTAMP) browser
	PICTURES=$(or $(PICTURES),looks) $(BIN)/python -m pytest tests/browser -k hard_to_use

# EXAMPLES=20 shows every property twenty times as many examples as the suite does, for a night.
unit: $(TSTAMP)
	$(BIN)/python -m pytest -n 2 --dist worksteal tests/unit tests/property

# Minutes of faults of every kind against a whole node; CHAOS="--seed S" repeats a run, --help says more.
chaos: $(TSTAMP)
	$(BIN)/python -m tests.chaos $(CHAOS)

# A million insertions and receipts, settlement killed again and again: exact, and how fast; RECEIPTS="--count N".
receipts: $(TSTAMP)
	$(BIN)/python -m tests.receipts $(RECEIPTS)

# A million notifications through two workers that are killed: nobody over the cap; CAPS="--notifications N",
# CAPS=--shared for a store of several nodes, which is killed too; CAPS=--nodes
# two whole nodes over one; CAPS="--fill N" fills a table and measures it.
caps: $(TSTAMP)
	$(BIN)/python -m tests.caps $(CAPS)

# PostgreSQL frozen, killed and cut off under 2,000 notifications a second: asked beside measured, in four minutes.
# For a machine with nothing else to do: it compares times.
outage: $(TSTAMP)
	$(BIN)/python -m tests.outage $(OUTAGE)

# 5,000 missed calls a second for a vote, beside a relay, over a SIGKILL: each counted once; in two minutes; VOTE=--mixed
# over the same sessions. For a machine with nothing else to do: it compares times. Needs a C compiler.
vote: $(TSTAMP)
	$(BIN)/python -m tests.vote $(VOTE)

# The API beside 10,000 notifications a second, and the relay's p99 beside the API; for a machine with nothing else to do.
http-figures: $(TSTAMP)
	$(BIN)/python -m tests.http_figures $(HTTP_FIGURES)

# The sender of answers killed fifty times: no confirmation and no coupon twice.
answers: $(TSTAMP)
	$(BIN)/python -m tests.answers $(ANSWERS)

# Thirty million suppressed numbers: imported, mapped, asked; SUPPRESSION=N for fewer.
suppression: $(TSTAMP)
	$(BIN)/python -m tests.suppression $(SUPPRESSION)

# A million mutated PDUs beside a session that keeps the rules; FUZZ="--seed S" repeats a run.
fuzz: $(TSTAMP)
	$(BIN)/python -m tests.fuzz $(FUZZ)

# Invented requests, right and wrong, to every operation of the API, each answer held to its document (schemathesis);
# CASES=60 sends so many of each kind to each, SEED=7 others.
openapi: $(TSTAMP)
	CASES=$(or $(CASES),15) SEED=$(or $(SEED),5) $(BIN)/python -m pytest -rP tests/integration/http/test_http_openapi.py

# Thousands of idle, slow and deaf connections around a neighbour; CROWD="--help" says what there is.
crowd: $(TSTAMP)
	$(BIN)/python -m tests.crowd $(CROWD)

# The forecast on invented weeks: error by state and day, and how often P20 holds.
backtest: $(STAMP)
	$(BIN)/python scripts/backtest.py $(BACKTEST)

# A day of SMPP traffic in minutes through two workers with the planner live, against its optimum; DAY="--seed 2".
day: $(TSTAMP)
	$(BIN)/python -m tests.day $(DAY)

check: $(TSTAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(TSTAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The hot modules as machine code (needs a C compiler); `make interpreted` goes back.
compile: $(TSTAMP)
	$(BIN)/python scripts/compile_hot.py build

interpreted:
	$(PYTHON) scripts/compile_hot.py clean

# Every figure of the relay beside what is asked of it; eight minutes at most. BENCH=--json for a program.
bench: $(TSTAMP)
	$(BIN)/posdata bench all $(BENCH)

figures: $(TSTAMP)
	$(BIN)/python scripts/figures.py

tls-figures: $(TSTAMP)
	PYTHONPATH=. $(BIN)/python scripts/tls_figures.py

# For maintainers: needs uv (pip install uv).
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links pyproject.toml -o requirements/run.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links --group test --group check -c requirements/run.lock -o requirements/test.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
