"""Cold starts of the light commands, as medians, beside a bare Python. One run.

Run: python tests/benchmarks/bench_cold_start.py
"""

import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "--help": ("-m", "explorer", "--help"),
    "match": ("-m", "explorer", "match", "resnet50", "--cardinality", "1,2,4,8,32"),
    "describe": ("-m", "explorer", "describe", "resnext50_32x4d"),
    "space show": ("-m", "explorer", "space", "show", "paper_table3"),
}


def main() -> None:
    samples: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(15):  # interleaved: drift of the machine hits all alike
        for name, arguments in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
            samples[name].append(time.perf_counter() - start)
    bare = statistics.median(samples["python -c pass"])
    for name, times in samples.items():
        middle = statistics.median(times)
        print(f"{name:<16} {1e3 * middle:6.0f} ms   {middle / bare:5.1f} times a bare Python")


if __name__ == "__main__":
    main()
