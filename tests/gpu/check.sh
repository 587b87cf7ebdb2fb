#!/usr/bin/env bash
# What this project does on a machine with an NVIDIA GPU: its tests on CUDA, where a step's time
# goes, and how fast a study is. About 9 minutes on an H100.
#
#   bash tests/gpu/check.sh OUT [DATA] [PART...]
#
# OUT: a folder for what comes out; OUT/summary.md tells it all. DATA: a folder with the files of
# Fashion-MNIST ('' or nothing: without the study of it). PART: machine, tests, groups, steps,
# compiled, profile, trial, workers, study; all of them where none is named. Every part has
# a time limit of its own, and one that fails costs no other.
# DEVICE=cpu tries the script itself out, at toy sizes. PYTHON: the interpreter (python3).
set -u
out=${1:?usage: check.sh OUT [DATA] [PART...]}
data=${2:-}
shift $(($# < 2 ? $# : 2))
parts=${*:-machine tests groups steps compiled profile trial workers study}
device=${DEVICE:-cuda}
python=${PYTHON:-python3}
here=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$out"
out=$(cd "$out" && pwd)
[ -z "$data" ] || data=$(cd "$data" && pwd)
cd "$here" || exit 2
export PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}" OMP_NUM_THREADS=1
export RESNEXT_EXPLORER_STORAGE="sqlite:///$out/check.db"
summary=$out/summary.md
failed=0

# part NAME SECONDS COMMAND...: run it, its output goes into the summary.
part() {
  local name=$1 limit=$2 started=$SECONDS code=0
  shift 2
  case " $parts " in *" $name "*) ;; *) return ;; esac
  printf '\n## %s\n\n' "$name" >> "$summary"
  timeout --signal=INT --kill-after=15 "$limit" "$@" > "$out/$name.txt" 2> "$out/$name.err" || code=$?
  grep -v '^USDT' "$out/$name.txt" | tail -n 120 >> "$summary"
  if [ "$code" -ne 0 ]; then
    [ "$name" = study ] && [ "$code" -eq 124 ] || failed=1
    [ "$code" -eq 124 ] && echo "(stopped after its $limit seconds)" >> "$summary"
    { echo; echo '```'; tail -n 40 "$out/$name.err"; echo '```'; } >> "$summary"
  fi
  [ -s "$out/$name.err" ] || rm "$out/$name.err"
  echo "$name: exit $code, $((SECONDS - started)) s" | tee -a "$summary"
}

machine() {
  nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv,noheader || true
  "$python" - "$device" <<'PYTHON'
import sys
import torch
from studies.machine.provenance import installed_versions, machine
from studies.machine.settings import resolve
print("\n" + machine() + "\n")
print(", ".join(f"{name} {number}" for name, number in installed_versions().items()))
print(f"CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}\n")
print(f"Settings by default: {resolve()}; asked for {sys.argv[1]}: {resolve(sys.argv[1])}")
PYTHON
}

tests() {
  "$python" -m pytest tests/gpu -m cuda -q -p no:cacheprovider --durations=10 -n 8
}

bench() { # bench PART ARGUMENTS...
  local toy=()
  [ "$device" = cpu ] && toy=(--toy --rounds 1 --steps 1 --batch 4 --epochs 1)
  (cd tests/benchmarks && "$python" bench_gpu.py "$@" --device "$device" ${toy[@]+"${toy[@]}"})
}

trial() {
  local sizes=(--steps 200 --turns 3)
  [ "$device" = cpu ] && sizes=(--steps 1 --turns 1)
  "$python" tests/benchmarks/bench_training.py --device "$device" "${sizes[@]}"
}

# A study of real images, stopped when its time is over; what is complete by then is exported.
study() {
  local study=fashion_mnist_cardinality
  local settings=(--set name=gpu --set recipe.epochs=8 --set 'seeds=[0, 1, 2]' --set 'space.axes.cardinality=[1, 2, 4, 8, 16]')
  local workers=(--workers-per-gpu 6 --data-dir "$data")
  if [ "$device" = cpu ]; then
    study=digits_cardinality workers=()
    settings=(--set name=gpu --set 'seeds=[0]' --set recipe.epochs=1 --set 'space.axes.cardinality=[1, 2]')
  elif [ -z "$data" ]; then
    echo "no folder with Fashion-MNIST was given"
    return
  fi
  local began=$SECONDS
  timeout --signal=INT --kill-after=20 "${STUDY_SECONDS:-110}" \
    "$python" -m explorer study run "$study" "${settings[@]}" ${workers[@]+"${workers[@]}"} --quiet >&2
  echo "exit $? after $((SECONDS - began)) seconds"
  "$python" -m explorer study status gpu
  "$python" -m explorer study show gpu
  "$python" -m explorer study results gpu -o "$out/trials.csv" >&2
  "$python" -m explorer study results gpu --curves -o "$out/curves.csv" >&2
}

export -f machine tests bench trial study
export device python out data
shell() { part "$1" "$2" bash -c "${*:3}"; }
shell machine 60 machine
shell tests 150 tests
shell groups 60 bench groups
shell steps 120 bench steps --rounds 2
shell compiled 100 "bench steps --family ResNeXt-29 --extremes --compile --way compiled"
shell profile 70 bench profile
shell trial 90 trial
shell workers 100 bench workers
shell study 160 study
rm -f "$out"/check.db-wal "$out"/check.db-shm
echo "summary: $summary"
exit "$failed"
