#!/bin/bash
# Measures a build that is there, beside peers on the same machine in the same run.
#   tests/bench/run.sh train [--quick] [--only REGEX] [--repeat N] [--threads 1,2]
#   tests/bench/run.sh wire [--quick] [--only REGEX] [--repeat N] [--seconds S] [--workers N] [--loops N]
#   tests/bench/run.sh compute [--only REGEX]
#   tests/bench/run.sh monitor [--quick] [--rate N] [--models N] [--features N] [--seconds S] [--stop S] …
#   TRIVET_BUILD=FOLDER    the build (build/release); the plot goes to its bench/
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${TRIVET_BUILD:-build/release}

what=${1-}
case $what in
train | wire | compute | monitor) shift ;;
*)
    echo "usage: tests/bench/run.sh train|wire|compute|monitor [--quick] [--only REGEX] [--repeat N] …" >&2
    exit 2
    ;;
esac

# A kernel forced from outside would be measured instead of this CPU's.
for name in $(env | sed -n 's/^\(OPENBLAS_[A-Z0-9_]*\)=.*/\1/p'); do
    unset "$name"
done
export TRIVET_BIN="$build/bin" TRIVET_PROTO="$build/python"
exec /usr/bin/python3 -W ignore "tests/bench/$what.py" --out "$build/bench" "$@"
