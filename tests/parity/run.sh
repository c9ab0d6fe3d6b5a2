#!/bin/bash
# Compares every estimator with scikit-learn or XGBoost, through the RPC, on a build that is there.
#   tests/parity/run.sh [--only REGEX]
#   TRIVET_BUILD=FOLDER    the build (build/release)
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${TRIVET_BUILD:-build/release}

# A kernel forced from outside would be compared instead of this CPU's.
for name in $(env | sed -n 's/^\(OPENBLAS_[A-Z0-9_]*\)=.*/\1/p'); do
    unset "$name"
done
export TRIVET_BIN="$build/bin" TRIVET_PROTO="$build/python"
exec /usr/bin/python3 -W ignore::FutureWarning tests/parity/parity.py "$@"
