# What `./dev test` does. Sourced by ./dev.
# shellcheck shell=bash disable=SC2154,SC2153

PASSED=0

# unit_tests PRESET [SUITE...]: builds and runs the GoogleTest programs, two at a time, adds what passed to PASSED.
unit_tests() {
  local preset=$1 logs passed
  shift
  local suites=("$@") targets=()
  for suite in "${suites[@]}"; do targets+=("${suite}_tests"); done
  say "unit tests, $preset build"
  build_targets "$preset" "${targets[@]}"
  logs=$(mktemp -d "$SCRATCH/rowgate-test.XXXXXX")
  printf '%s\n' "${targets[@]}" | xargs -P 2 -I TARGET sh -c \
    "build/$preset/TARGET --gtest_brief=1 >$logs/TARGET 2>&1 || touch $logs/TARGET.failed"
  for target in "${targets[@]}"; do
    passed=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$logs/$target")
    if [ -e "$logs/$target.failed" ]; then
      cat "$logs/$target"
      printf '%s failed in the %s build\n' "$target" "$preset"
      exit 1
    fi
    if grep -q 'SKIPPED' "$logs/$target" || [ -z "$passed" ] || [ "$passed" -eq 0 ]; then
      cat "$logs/$target"
      printf '%s skipped tests or ran none\n' "$target"
      exit 1
    fi
    printf '%s: %s passed\n' "$target" "$passed"
    PASSED=$((PASSED + passed))
  done
  rm -rf "$logs"
}

# python_tests ARGUMENT...: whole-program tests by pytest, with these arguments.
python_tests() {
  local log passed
  log=$(mktemp "$SCRATCH/rowgate-test.XXXXXX")
  ROWGATE=$PWD/build/release/rowgate run_it "$PYTHON" -m pytest -q -p no:cacheprovider "$@" 2>&1 | tee "$log"
  passed=$(sed -n 's/.*\b\([0-9][0-9]*\) passed.*/\1/p' "$log" | tail -n 1)
  if grep -qE '[0-9]+ (skipped|xfailed)' "$log" || [ -z "$passed" ]; then
    printf 'pytest skipped tests or ran none\n'
    exit 1
  fi
  PASSED=$((PASSED + passed))
  rm -f "$log"
}

# python_venv FOLDER REQUIREMENTS: a venv with exactly these packages.
python_venv() {
  cmp -s "$2" "$1/requirements.txt" && return
  say "installing $2"
  run_it "$PYTHON" -m venv --clear "$1"
  run_it "$1/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: -r "$2"
  cp "$2" "$1/requirements.txt"
}

# fuzz_for TARGET SECONDS: starts from the committed corpus; what it finds new stays in build/, a crash goes to the corpus.
fuzz_for() {
  local target=$1 seconds=$2
  mkdir -p "build/fuzz_corpus/$target" "tests/fuzz_corpus/$target"
  run_it "build/asan/$target" -max_total_time="$seconds" -rss_limit_mb=4096 -timeout=20 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="tests/fuzz_corpus/$target/crash-" "build/fuzz_corpus/$target" "tests/fuzz_corpus/$target" || {
    printf 'a finding; replay it with: build/asan/%s tests/fuzz_corpus/%s/crash-...\n' "$target" "$target"
    exit 1
  }
}

# All targets at once.
fuzz_briefly() {
  local started=() status=0
  say "fuzzing, 30 seconds each"
  build_targets asan "$@"
  for target in "$@"; do
    fuzz_for "$target" 30 >"build/$target.log" 2>&1 &
    started+=($!)
  done
  for process in "${started[@]}"; do wait "$process" || status=1; done
  for target in "$@"; do cat "build/$target.log"; done
  [ "$status" -eq 0 ] || exit 1
  PASSED=$((PASSED + $#))
}

# held_by LEAST FILE ARGUMENT...: a program that says at its end how much held, at least so much; adds that to PASSED.
held_by() {
  local log held
  log=$(mktemp "$SCRATCH/rowgate-test.XXXXXX")
  run_it "$PYTHON" "$2" --rowgate build/release/rowgate "${@:3}" | tee "$log"
  held=$(sed -n 's/^\([0-9][0-9]*\) .*held.*/\1/p' "$log" | tail -n 1)
  if [ -z "$held" ] || [ "$held" -lt "$1" ]; then
    printf '%s did not hold\n' "$2"
    exit 1
  fi
  PASSED=$((PASSED + held))
  rm -f "$log"
}

# Everything runs beside real database servers of its own.
test_with_servers() {
  setup
  if [ -n "${TESTDB_MYSQL:-}" ]; then
    test_all "$@"
  else
    exec "$PYTHON" tools/servers.py run ./dev test "$@"
  fi
}

# What takes hours: the same programs as in test_all with many more cases.
long_tests() {
  say "random scenarios against a model"
  held_by 20000 tests/databases/scenarios.py --scenarios 20000
  held_by 3000 tests/databases/scenarios.py --scenarios 3000 --engines all
  say "the same files on three databases"
  held_by 1000 tests/databases/differential.py --files 1000
  say "histories of two servers on one database"
  held_by 100 tests/databases/history.py --rounds 100
  say "kills of rowgate and of database servers"
  held_by 500 tests/kill_test.py --kills 500
  held_by 500 tests/kill_http_test.py --kills 500
  held_by 1200 tests/databases/kill_servers.py --kills 1000 --server-kills 200
  say "hostile files and requests in their true sizes"
  TRUE_SIZES=1 python_tests tests/hostile
}

# What mostly waits: for clocks, disks and networks.
whole_program_tests() {
  python_venv build/venv tests/requirements.txt
  say "whole-program cases"
  # Three files at a time; those that wait longest come first.
  python_tests -n 3 --dist loadfile tests/databases tests/http tests/hostile tests/s3 tests/upgrade tests/docs tests/cases
  say "the function of AWS Lambda under its emulator"
  lambda_emulator
  lambda_package
  python_tests tests/lambda -s
  say "15 kills of the command line during loads"
  held_by 15 tests/kill_test.py --kills 15
  say "15 kills of the server during loads"
  held_by 15 tests/kill_http_test.py --kills 15
  say "the same files on three databases"
  held_by 60 tests/databases/differential.py --files 60
  say "random scenarios against a model"
  held_by 400 tests/databases/scenarios.py --scenarios 400
  held_by 60 tests/databases/scenarios.py --scenarios 60 --engines all
  say "histories of two servers on one database"
  held_by 2 tests/databases/history.py --rounds 2
  say "kills beside database servers, and of them"
  held_by 16 tests/databases/kill_servers.py --kills 12 --server-kills 4
  infra_checks
  aws_tests
}

# What mostly computes. Its last line says how many tests passed.
computing_tests() {
  PASSED=0
  lint
  unit_tests asan "${SUITES[@]}"
  fuzz_briefly scanner_fuzz parser_fuzz message_fuzz
  unit_tests tsan "${SUITES[@]}"
  say "g++ as the second compiler"
  build_targets gcc rowgate
  unit_tests gcc base csv table
  printf '%s passed\n' "$PASSED"
}

# Starts computing_tests at a lower priority, in a process group of its own, which ends with this script.
start_beside() {
  set -m
  computing_tests >build/beside.log 2>&1 &
  BESIDE=$!
  set +m
  renice -n 5 -g "$BESIDE" >/dev/null
  trap 'kill -- -"$BESIDE" 2>/dev/null || true' EXIT
}

# Waits for them, prints what they said, and adds what passed to PASSED.
finish_beside() {
  local status=0 passed
  wait "$BESIDE" || status=$?
  trap - EXIT
  cat build/beside.log
  passed=$(tail -n 1 build/beside.log | sed -n 's/^\([0-9][0-9]*\) passed$/\1/p')
  if [ "$status" -ne 0 ] || [ -z "$passed" ]; then
    printf 'what ran beside the tests of the whole program failed; see above\n'
    exit 1
  fi
  PASSED=$((PASSED + passed))
}

test_all() {
  if [ "${1:-}" = --quick ]; then
    s3_server
    unit_tests release "${SUITES[@]}"
    printf '%s passed, 0 failed\n' "$PASSED"
    return
  fi
  if [ "${1:-}" = --long ]; then
    build_targets release rowgate
    long_tests
    printf '%s passed, 0 failed\n' "$PASSED"
    return
  fi
  if [ "${1:-}" = --slow ]; then
    container_tests
    printf '%s passed, 0 failed\n' "$PASSED"
    return
  fi
  s3_server
  build_targets release rowgate
  unit_tests release "${SUITES[@]}"
  say "beside what follows: lint, fuzzing, the sanitizers and g++ (build/beside.log)"
  start_beside
  whole_program_tests
  finish_beside
  say "all of it held"
  printf '%s passed, 0 failed\n' "$PASSED"
}
