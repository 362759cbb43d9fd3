# make demo     set up .venv and render three scenes of the gallery into renders/
# make test     set up .venv and run the quick tests        make test-all   … and the slow ones
# make lint     formatting, lint, types and imports         make bench      measure; see docs/performance.md
# make fuzz     try damaged inputs, thousands of them; one part: make fuzz FUZZ="scenes --seed 1 --count 5000"
# make gallery  render every scene, and a page of them all   make clean      remove all that make made
# make reference  write the generated pages in docs/
# make dist     build the wheel and the source archive into dist/
#
# Another Python: make demo PYTHON=python3.12

PYTHON ?= python3
JOBS ?= 2
QUALITY ?= draft
BIN := .venv/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
READY := .venv/.ready
DEMO := swiss-roll-forward.gif ddpm-vs-ddim.gif mandrill-forward.mp4
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadgroup

.PHONY: demo test test-all test-slow fuzz lint bench gallery reference dist clean

demo: $(READY)
	@mkdir -p renders
	@for film in $(DEMO); do $(BIN)/noisereel render "$${film%.*}" -o "renders/$$film" || exit; done
	@echo "Three films are ready:" && ls -1 $(DEMO:%=$(CURDIR)/renders/%)

test: $(READY)
	$(PYTEST) -m "not slow"

test-slow: $(READY)
	$(PYTEST) -m slow -o faulthandler_timeout=1800

test-all: $(READY)
	$(PYTEST)

fuzz: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python tests/fuzz/run.py $(FUZZ)

lint: $(READY)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	OMP_WAIT_POLICY=passive $(BIN)/python tests/bench/run.py

gallery: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python docs/make_gallery.py renders/gallery -j $(JOBS) -q $(QUALITY)

reference: $(READY)
	$(BIN)/python docs/make_reference.py

dist: $(READY)
	rm -rf dist
	$(BIN)/python -m build --outdir dist

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find engine plugins tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is written last, so that an interrupted set-up starts again.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "noisereel needs Python 3.11 or newer; name one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@# Without what it asks for: a torchvision that does not go with this torch, and that no test needs.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps azula
	@touch $@
