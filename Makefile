# Thin on purpose: each target is one line or a script. `make help` lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
BINARY := build/release/purposepath

# The compiler's cache serves every checkout and preset of this machine.
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1
export CCACHE_SLOPPINESS := pch_defines,time_macros,include_file_mtime,include_file_ctime

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' Makefile

setup: ## install the Debian packages that are missing for building
	@scripts/setup build

build: setup docs-page ## build/release/purposepath
	@scripts/build release purposepath

run: build ## build if needed, then serve on http://127.0.0.1:8000 (ARGS="--port 9000")
	@exec $(BINARY) serve $(ARGS)

demo: build ## hold a whole scripted conversation through a real server and print it with its result
	@scripts/demo

test: unit e2e ## every test

unit: docs-page ## unit tests
	@scripts/setup build test
	@scripts/build dev
	@ctest --preset dev

e2e: build ## end-to-end tests: the real binary, driven from outside
	@scripts/setup build test
	@scripts/check_symbols $(BINARY)
	@scripts/npm_install tests/e2e
	@cd tests/e2e && npx --no-install vitest run

bench: build ## measure against the targets and write them down (bench/README.md)
	@scripts/setup build bench
	@bench/run

lint: setup ## format, who may include whom, topics, openapi.yaml, types of the end-to-end tests
	@scripts/setup build lint
	@scripts/lint
	@scripts/npm_install tests/e2e
	@cd tests/e2e && npm run --silent lint:openapi && npm run --silent typecheck

tidy: setup ## clang-tidy on the sources that differ from main (FILES="src/..." for others, ALL=1 for all)
	@scripts/setup build lint
	@scripts/tidy $(FILES)

asan: setup docs-page ## unit tests under AddressSanitizer and UBSan
	@scripts/setup build test
	@scripts/build asan && ctest --preset asan

tsan: setup docs-page ## unit tests under ThreadSanitizer
	@scripts/setup build test
	@scripts/build tsan && ctest --preset tsan

fuzz: setup docs-page ## random bytes for what reads bytes from outside (FUZZ_SECONDS=60 each; fuzz/README.md)
	@scripts/setup build test
	@scripts/fuzz

clean: ## remove what was built
	rm -rf build tests/e2e/node_modules web-docs/node_modules

# The page at /docs, made from a packaged viewer.
docs-page: setup build/docs.stamp
build/docs.stamp: $(filter-out web-docs/node_modules,$(wildcard web-docs/* web-docs/src/*)) scripts/npm_install
	@scripts/npm_install web-docs
	@cd web-docs && node build.mjs ../build/docs
	@touch $@

.PHONY: help setup build run demo test unit e2e bench lint tidy asan tsan fuzz clean docs-page
