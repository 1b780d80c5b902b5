# Thin: CMake does the work. `make run` and `make test` install what is missing (Debian, as root).
BUILD ?= build
JOBS ?= $(shell nproc)
BUILD_DEPS = cmake gcc libc6-dev pkg-config libseccomp-dev libunwind-dev libcapstone-dev libcmocka-dev libbsd-dev uthash-dev
TEST_DEPS = busybox-static musl-tools python3 perl sqlite3 git make gcc procps strace bubblewrap hyperfine util-linux tmux less vim-tiny
COMPAT_DEPS = python3 libpython3.11-testsuite stress-ng postgresql nodejs default-jdk-headless golang-go dbus libglib2.0-bin \
	xvfb xterm x11-utils xfonts-base
# What the tables of tests/compat run; what is not installed they skip.
COMPAT_DEPS += golang-go rustc php-cli ruby ocaml-nox erlang-base perl lua5.4 luajit guile-3.0 sbcl swi-prolog-nox tcl nodejs default-jdk-headless
COMPAT_DEPS += runit s6 supervisor openssh-server openssh-client redis-server mariadb-server postgresql nginx-light dbus socat
COMPAT_DEPS += make parallel ninja-build cmake gdb gdbserver strace ltrace valgrind vim emacs-nox ed expect screen tmux less procps
COMPAT_DEPS += zsh ksh fish tcsh mksh ffmpeg imagemagick ghostscript qemu-user xz-utils zstd git sqlite3 bubblewrap clang musl-tools

# make bench [QUICK=1] [ROWS="getppid open"] [BENCH_FLAGS=…]; see tests/bench/README.md.
BENCH_DEPS = python3 sqlite3 git make gcc bubblewrap valgrind

.PHONY: all run test compat bench bench-docs bench-instructions docs asan lint format deps test-deps clean install

all: deps
	@cmake -S . -B $(BUILD) $(CMAKE_FLAGS) >/dev/null
	@MAKEFLAGS= cmake --build $(BUILD) -j $(JOBS) -- --no-print-directory

deps:
	@sh tests/install_deps.sh $(BUILD_DEPS)

test-deps: deps
	@sh tests/install_deps.sh $(TEST_DEPS)

run: all
	sh tests/demo.sh $(BUILD)/sbx

test: test-deps all
	sh tests/run.sh $(BUILD)

compat: all
	@sh tests/install_deps.sh $(COMPAT_DEPS)
	bash tests/compat/run.sh $(BUILD)/sbx

BENCH = python3 tests/bench/bench.py $(BUILD) $(if $(QUICK),--quick) $(if $(ROWS),--rows "$(ROWS)") $(BENCH_FLAGS)

bench: all
	@sh tests/install_deps.sh $(BENCH_DEPS)
	@$(BENCH)

bench-docs: all
	$(BENCH) --docs docs/performance.md

bench-instructions: all
	sh tests/bench/instructions.sh $(BUILD) $(if $(UPDATE),--update)

asan: test-deps
	@$(MAKE) --no-print-directory all BUILD=build-asan CMAKE_FLAGS="-DSBX_SANITIZE=ON"
	SBX_SANITIZED=1 sh tests/run.sh build-asan

docs: all
	$(BUILD)/sbx syscalls --md >docs/syscalls.md

lint:
	bash tests/lint.sh

format:
	git ls-files '*.c' '*.h' | xargs clang-format -i

install: all
	cmake --install $(BUILD)

clean:
	rm -rf build build-asan
