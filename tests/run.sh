#!/bin/bash
# Installs what the tests need, builds, and passes every test through ctest; then unit and
# integration tests once more under the sanitizers.
#   tests/run.sh             everything (as in CI)
#   tests/run.sh --quick     without the sanitizers
set -euo pipefail
cd "$(dirname "$0")/.."

quick=no
case ${1-} in
'') ;;
--quick) quick=yes ;;
*)
    echo "usage: tests/run.sh [--quick]" >&2
    exit 2
    ;;
esac

# A kernel forced from outside would be measured and tested instead of this CPU's.
for name in $(env | sed -n 's/^\(OPENBLAS_[A-Z0-9_]*\)=.*/\1/p'); do
    unset "$name"
done

deploy/install-deps.sh --tests

# suite PRESET CTEST-ARGUMENT…: configure, build, test.
suite() {
    local preset=$1
    shift
    printf '\n== %s\n' "$preset"
    cmake --preset "$preset" >/dev/null
    cmake --build --preset "$preset" -- --quiet
    # One more than there are cores: many tests wait most of their time.
    ctest --preset "$preset" --parallel $(($(nproc) + 1)) "$@"
}

suite release
if [ $quick = no ]; then
    suite asan --label-exclude 'lint|install|parity'
    suite tsan --label-exclude 'lint|install|parity|one-thread'
fi
