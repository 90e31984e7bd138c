# SPDX-License-Identifier: Apache-2.0
# A thin front for Meson and Ninja.  Each target brings what it needs; a second run is quick.
PREFIX ?= /usr/local
BUILD ?= build

.PHONY: all build setup setup-check demo check check-full bench bench-lint bench-migrate bench-index format install dist clean

all: build

setup:
	@sh tools/setup.sh build

setup-check:
	@sh tools/setup.sh check

$(BUILD)/build.ninja:
	@meson setup $(BUILD) --prefix $(PREFIX) > /dev/null

build: setup $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

# The main job on the example; the report lies in dbarch-out/.
demo: build
	@$(BUILD)/src/dbarch review examples/shop --force

check: setup-check
	@python3 tests/run.py

check-full: setup-check
	@python3 tests/run.py --full

bench: build
	@python3 bench/bench.py

bench-lint: build
	@python3 bench/lint.py

bench-index: build
	@python3 bench/index.py

bench-migrate: build
	@python3 bench/migrate.py

format:
	@clang-format-19 -i src/*/*.c src/*/*.h tests/*/*.c tests/*.h

install: build
	@meson configure $(BUILD) --prefix $(PREFIX)
	@meson install -C $(BUILD)

dist: build
	@meson dist -C $(BUILD) --no-tests

clean:
	@rm -rf build build-* dbarch-out
