# Each target by itself does all the set-up that a fresh Debian machine with Swift needs.

DEVICES ?= 10000
OUT ?= .build/demo

# The system libraries and tools. The first line builds and runs Rootline, the second its benchmark, the third its
# tests.
PACKAGES = softhsm2 libp11-dev libp11-kit-dev libssl-dev libsqlite3-dev pkg-config openssl
BENCH_PACKAGES = $(PACKAGES) libengine-pkcs11-openssl $(VENV_PACKAGES)
TEST_PACKAGES = $(PACKAGES) gcc libc6-dev binutils libnss3 util-linux python3-prometheus-client $(PYTHON_PACKAGES)
# For the auditor's verifier, where no Python on the path can run it.
PYTHON_PACKAGES = $(shell Tests/Tools/auditor-python >/dev/null 2>&1 || echo python3 python3-cryptography)
# For the peer in Python, where the first Python on the path brings no venv.
VENV_PACKAGES = $(shell python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3 python3-venv)

# Inputs that `make fuzz` tries for each parser.
CASES ?= 1000000

.PHONY: help demo test torture fuzz clib expected bench bench-scale bench-allowlist-ten-million lint setup setup-test setup-bench
.NOTPARALLEL:

help:
	@echo "make demo      the whole line on a rehearsal site: DEVICES=$(DEVICES) OUT=$(OUT)"
	@echo "make test      build and run every test, the auditor's too"
	@echo "make torture   kill ceremonies and runs at every place there is, cut the power; about 100 minutes"
	@echo "make fuzz      forged input for every parser of the allowlist, CASES=$(CASES) each; 30 minutes"
	@echo "make clib      the shared library for C and its header, into .build/clib"
	@echo "make expected  write Ceremonies/*/expected-transcript.jsonl anew"
	@echo "make bench     measure against the bare PKCS#11 loop and others; writes .build/bench.json; 10 minutes"
	@echo "make bench-scale  a run of a million devices, into the same file; 6 minutes"
	@echo "make bench-allowlist-ten-million  a list of ten million devices; 4 GB below .build, KEEP_LIST=1 keeps it; 10 minutes"
	@echo "make lint      swift format lint --strict"

# Installs what is missing and nothing else; on a system without apt it says what to install.
define install
	@missing=""; \
	if command -v dpkg-query >/dev/null 2>&1; then \
	  for package in $(1); do \
	    dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; \
	  done; \
	fi; \
	if ! command -v dpkg-query >/dev/null 2>&1; then \
	  pkg-config --exists p11-kit-1 libp11 libcrypto sqlite3 2>/dev/null || { \
	    echo "This system has no apt. Please install what Debian calls:"; \
	    for package in $(1); do echo "  $$package"; done; exit 1; }; \
	elif [ -n "$$missing" ]; then \
	  sudo=""; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	  echo "Installing:$$missing"; \
	  $$sudo apt-get update -q >/dev/null && \
	  DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -q --no-install-recommends $$missing >/dev/null || { \
	    echo "Could not install. Please install by hand:$$missing"; exit 1; }; \
	fi
	@command -v swift >/dev/null 2>&1 || { \
	  echo "Swift is not installed. Install Swift 6.2 or later: https://www.swift.org/install/linux/"; exit 1; }
endef

setup:
	$(call install,$(PACKAGES))

setup-test:
	$(call install,$(TEST_PACKAGES))

setup-bench:
	$(call install,$(BENCH_PACKAGES))
	@sh Sources/rootline-bench/Peers/prepare.sh .build/peers
	swift build -c release --product rootline
	swift build -c release --product bare-loop
	swift build -c release --product rootline-bench

demo: setup
	@echo "Building (the first time takes some minutes) …"
	swift build -c release --product rootline
	@ROOTLINE="$$(swift build -c release --show-bin-path)/rootline" DEVICES="$(DEVICES)" OUT="$(OUT)" sh Tests/Demo/demo.sh

test: setup-test
	swift build --build-tests
	Tests/Tools/run-tests
	"$$(Tests/Tools/auditor-python)" -m unittest discover Ceremonies/auditor
	"$$(Tests/Tools/auditor-python)" Ceremonies/auditor/check_vectors.py Ceremonies/auditor/vectors
	"$$(Tests/Tools/auditor-python)" -m unittest discover Tests/AllowlistSpecification/verifier
	"$$(Tests/Tools/auditor-python)" Tests/AllowlistSpecification/verifier/check_vectors.py \
	  Tests/AllowlistSpecification/vectors

# After a script or a template was changed on purpose: review the difference like any other.
expected: setup-test
	swift build --build-tests
	RECORD_TRANSCRIPTS=1 swift test --skip-build --filter ExpectedTranscriptTests/rehearsed

torture: setup-test
	swift build --build-tests
	ROOTLINE_TORTURE=1 swift test --skip-build --no-parallel --filter 'CeremonyFaultTests|RunFaultTests'

fuzz: setup-test
	Tests/Tools/run-fuzz $(CASES) $(PARSERS)

# Needs nothing of Swift where it runs.
clib: setup
	swift build -c release --product rootline_allowlist
	@mkdir -p .build/clib
	Sources/AllowlistC/link.sh "$$(swift build -c release --show-bin-path)" .build/clib/librootline_allowlist.so.1
	@ln -sf librootline_allowlist.so.1 .build/clib/librootline_allowlist.so
	@cp Sources/CAllowlist/include/rootline_allowlist.h .build/clib/

bench: setup-bench
	"$$(swift build -c release --show-bin-path)/rootline-bench"

bench-scale: setup-bench
	"$$(swift build -c release --show-bin-path)/rootline-bench" scale-million

bench-allowlist-ten-million: setup-bench
	"$$(swift build -c release --show-bin-path)/rootline-bench" \
	  ten-million-list ten-million-verify ten-million-lookup ten-million-cold ten-million-append
	@[ -n "$(KEEP_LIST)" ] || rm -rf .build/bench-allowlist/*-10000000*

lint:
	swift format lint --strict --parallel --recursive Sources Tests Package.swift
