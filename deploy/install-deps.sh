#!/bin/sh
# Installs the Debian packages that Trivet needs: to build and run, and with --tests to test it.
# Does nothing when they are there. Needs root or sudo only when something is missing.
#   deploy/install-deps.sh [--tests | --bench] [--list]       --bench: the tests' and the peers
set -eu

build="build-essential cmake ninja-build pkg-config
  libprotobuf-c-dev protobuf-c-compiler protobuf-compiler
  libnng-dev libuv1-dev libopenblas-dev liblapacke-dev libssl-dev libsqlite3-dev libmicrohttpd-dev
  libjansson-dev libcsv-dev libinih-dev libncurses-dev libcurl4-openssl-dev
  libsvm-dev liblinear-dev liblbfgs-dev libxgboost-dev gnuplot-nox libjs-chart.js python3"
tests="libcmocka-dev clang-format python3-numpy python3-pandas python3-scipy python3-sklearn python3-xgboost
  python3-protobuf nng-utils nanomsg-utils chromium tmux git prometheus"
# The peers in the benchmarks: 70 MB that no test needs.
bench="libgrpc++-dev libprotobuf-dev protobuf-compiler-grpc python3-grpcio python3-onnx"

wanted=$build
list=no
for argument in "$@"; do
    case $argument in
    --tests) wanted="$build $tests" ;;
    --bench) wanted="$build $tests $bench" ;;
    --list) list=yes ;;
    *)
        echo "usage: deploy/install-deps.sh [--tests | --bench] [--list]" >&2
        exit 2
        ;;
    esac
done

if [ $list = yes ]; then
    printf '%s\n' $wanted
    exit 0
fi

missing=
for package in $wanted; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done
if [ -z "$missing" ]; then
    exit 0
fi

as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "install-deps: as root, install:$missing" >&2
        exit 1
    fi
    as_root=sudo
fi
echo "install-deps: installing$missing"
$as_root apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
