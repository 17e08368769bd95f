#!/bin/sh
# system-packages.sh run|test PYTHON
# Install the Debian packages that running or testing CLASP needs and this machine lacks. Only root can;
# anyone else is told their names, and stopped only by those without which nothing can be built.
set -eu
purpose=$1
python=$2

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || {
    echo "CLASP needs Python 3.10 or newer: make $purpose PYTHON=/path/to/python3" >&2
    exit 1
}

needed= useful=
have() { command -v "$1" >/dev/null; }

"$python" -c 'import ensurepip, venv' 2>/dev/null || needed="$needed python3-venv"
"$python" -c 'import os, sysconfig; open(os.path.join(sysconfig.get_path("include"), "Python.h"))' 2>/dev/null ||
    needed="$needed python3-dev"
have g++ || needed="$needed g++"
have ffmpeg || useful="$useful ffmpeg"
if [ "$purpose" = test ]; then
    for program in espeak-ng flite festival; do
        have $program || useful="$useful $program"
    done
    voices=/usr/share/festival/voices
    [ -d $voices/us/cmu_us_slt_arctic_hts ] || useful="$useful festvox-us-slt-hts"
    [ -d $voices/english/kal_diphone ] || useful="$useful festvox-kallpc16k"
    have chromium || useful="$useful chromium"
    have initdb || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || useful="$useful postgresql"
fi
[ -n "$needed$useful" ] || exit 0

if [ "$(id -u)" = 0 ] && have apt-get; then
    echo "Installing$needed$useful ..."
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # Ubuntu has no package of that name; the Makefile then asks Playwright for one.
    apt-cache show chromium >/dev/null 2>&1 || useful=$(echo "$useful" | sed 's/ chromium//')
    # shellcheck disable=SC2086
    apt-get install -y -qq --no-install-recommends $needed $useful >/dev/null
else
    echo "System packages needed: sudo apt-get install --no-install-recommends$needed$useful" >&2
    [ -z "$needed" ]
fi
