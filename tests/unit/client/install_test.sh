#!/bin/sh
# Installs libtrivet into a fresh prefix, builds the example against it with pkg-config alone, and
# runs it: install_test.sh BUILD_DIR EXAMPLE.c CC LIBDIR [CFLAG …]
set -eu
build=$1 example=$2 cc=$3 libdir=$4
shift 4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --component libtrivet --prefix "$work/prefix" >"$work/install.log"
export PKG_CONFIG_PATH="$work/prefix/$libdir/pkgconfig"
# Words, not one argument: flags.
# shellcheck disable=SC2046
"$cc" -std=c11 -Wall -Wextra -Werror "$@" "$example" $(pkg-config --cflags --libs trivet) \
    -o "$work/example"

foreign=$(nm -D --defined-only "$work/prefix/$libdir/libtrivet.so" |
    awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
    grep -Ev '^trivet_(client|pipeline|stream|subscriber|error)_|^trivet_(reply_release|status_name)$' || true)
if [ -n "$foreign" ]; then
    echo "exported, but not of the interface: $foreign"
    exit 1
fi
for symbol in $(sed -n 's/.*\b\(trivet_[a-z_]*\)(.*/\1/p' "$work"/prefix/include/trivet/*.h); do
    nm -D --defined-only "$work/prefix/$libdir/libtrivet.so" | grep -q " $symbol@" || {
        echo "$symbol is declared and not exported"
        exit 1
    }
done

code=0
# Port 1 of this machine: nobody listens.
LD_LIBRARY_PATH="$work/prefix/$libdir" "$work/example" tcp://127.0.0.1:1 houses 120 4 75 2 \
    2>"$work/err" || code=$?
cat "$work/err"
[ "$code" -eq 1 ] || { echo "exit code $code, not 1"; exit 1; }
grep -q '^UNAVAILABLE: .*tcp://127.0.0.1:1' "$work/err"
