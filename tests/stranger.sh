#!/usr/bin/env bash
# A stranger's plugin from its first minute to its last, in an environment of its own: written,
# installed, listed, checked, run, broken in five ways, blocked, uninstalled. Downloads nothing: the
# environment sees the packages of the one that PYTHON is of. Usage: PYTHON=python tests/stranger.sh
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1

"${PYTHON:-python}" -m venv --without-pip env
python=$work/env/bin/python
here=$("${PYTHON:-python}" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
site=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "import site; site.addsitedir('$here')" >"$site/beside.pth"

affmem() { "$python" -m affmem "$@"; }
pip() { "$python" -m pip --quiet "$@"; }
step() { printf '\n== %s\n' "$*"; }
shows() { # shows WORDS COMMAND...: the command succeeds, and a line of it has the words
    local words=$1 said
    shift
    said=$("$@" 2>&1) || { echo "FAILED: $* said: $said"; exit 1; }
    grep -F -- "$words" <<<"$said" || { echo "FAILED: $* did not say: $words"; echo "$said"; exit 1; }
}
refuses() { # refuses WORDS COMMAND...: exit code 2, and one line of error, which has the words
    local words=$1 said code=0
    shift
    said=$("$@" 2>&1) || code=$?
    [[ $code == 2 && $(wc -l <<<"$said") == 1 && $said == "error: "*"$words"* ]] ||
        { echo "FAILED: $*: exit code $code, not one line with: $words"; echo "$said"; exit 1; }
    echo "$said"
}

step "written, installed, listed"
affmem plugins new firefly --kind memory
refuses "affmem-firefly: exists" affmem plugins new firefly --kind memory
pip install --no-deps --no-build-isolation ./affmem-firefly
shows "firefly     affmem-firefly 0.1.0 (affmem_firefly): ok" affmem plugins list
shows "scale (float) = 1.0" affmem plugins info memory firefly

step "checked"
shows "passed  whatever_is_done_to_it" affmem plugins check memory:firefly

step "run"
affmem datasets make omg data --persons 2 --utterances 1 --seconds 1 --train 0 --validation 0 --quiet
affmem run "$root/examples/omg.toml" --set dataset.root=data --set memory.use=firefly --quiet \
    --set start.frames=2 --set start.edits=20 --set start.epochs=1 --set resamples=20 --out out
grep -F 'use = "firefly"' out/experiment.toml

step "broken in five ways"
module=$site/affmem_firefly/__init__.py
metadata=$(echo "$site"/affmem_firefly-*.dist-info/METADATA)
cp "$module" sound.py
cp "$metadata" sound.txt
broken() { # broken REASON: the plugin is named with it, its part too, and the rest goes on
    shows "firefly     affmem-firefly 0.1.0 (affmem_firefly): broken: $1" affmem plugins list
    refuses "(plugin 'firefly' of affmem-firefly 0.1.0 is broken: $1" \
        affmem check "$root/examples/omg.toml" --set memory.use=firefly
    affmem check "$root/examples/omg.toml" >/dev/null
    cp sound.py "$module"
    cp sound.txt "$metadata"
}
echo "import fireflies" >>"$module"
broken "ModuleNotFoundError: No module named 'fireflies'"
sed -i 's/def affmem_memories/def affmem_memorys/' "$module"
broken "no hook 'affmem_memorys'; did you mean 'affmem_memories'?"
sed -i 's/    return {"firefly".*/    raise OSError("no light")/' "$module"
broken "affmem_memories: OSError: no light"
sed -i 's/    return {"firefly"/    return {"gwr"/' "$module"
broken "memory 'gwr' is already given by plugin 'memories' of affmem"
sed -i 's/^Requires-Dist: affmem.*/Requires-Dist: affmem>=99/' "$metadata"
broken "requires affmem>=99, but this is affmem"

step "blocked"
export AFFMEM_BLOCK=firefly
shows "firefly     affmem-firefly 0.1.0 (affmem_firefly): blocked" affmem plugins list
refuses "is blocked: AFFMEM_BLOCK names it" affmem plugins info memory firefly
AFFMEM_BLOCK=fireflies shows "AFFMEM_BLOCK: no plugin 'fireflies'; did you mean 'firefly'?" affmem plugins list
unset AFFMEM_BLOCK

step "uninstalled"
pip uninstall --yes affmem-firefly
refuses "no memory 'firefly'" affmem plugins info memory firefly
echo "all as it should be"
