#!/usr/bin/env python3
"""Runs attrition and its peers side by side on one log, checks that they agree, and prints the figures.

    python benches/peers/run.py --events 10000000 [--users N] [--string-ids] [--runs 3] [--data DIR]
        [--engines duckdb chdb polars] [--workloads w1 w2 w3 w4 w5 w6 w7] [--binary PATH] [--rows FILE]

What is compared and how to read it: README.md beside this file. Linux only; needs Python 3.10 or newer
and cargo. The peers' packages and the generated logs are kept in $ATTRITION_PEERS_DIR, by default a
folder in the system's temporary one.
"""
import argparse
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import report

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
REQUIREMENTS = HERE / "requirements.txt"
ENGINES = ["duckdb", "chdb", "polars"]
WORKLOADS = ["w1", "w2", "w3", "w4", "w5", "w6", "w7"]


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--users", type=int, help="users to generate, default one per 50 events")
    parser.add_argument("--string-ids", action="store_true", help="user ids are uuid-like strings")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--data", type=Path, help="folder of the log, generated if it is not there")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES, metavar="ENGINE")
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=WORKLOADS, metavar="WORKLOAD")
    parser.add_argument("--binary", type=Path, help="attrition's side, already built")
    parser.add_argument("--rows", type=Path, help="file for the raw rows, as JSON lines")
    options = parser.parse_args()
    options.users = options.users or options.events // 50
    options.runs = max(options.runs, 1)
    return options


def say(text):
    print(text, file=sys.stderr, flush=True)


def interpreter(cache):
    """A Python with the pinned packages: this one if it has them, else one in a virtual environment."""
    wanted = [line.split("==") for line in REQUIREMENTS.read_text().split()]
    installed = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
    if all(installed.get(name) == version for name, version in wanted):
        return sys.executable
    home = cache / "venv"
    python, stamp = home / "bin" / "python", home / "installed.txt"
    if not stamp.exists() or stamp.read_text() != REQUIREMENTS.read_text():
        say(f"installing the peers into {home}")
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        install = ["-m", "pip", "install", "--quiet", "-r", REQUIREMENTS]
        subprocess.run([python, *install], check=True, stdout=sys.stderr)
        stamp.write_text(REQUIREMENTS.read_text())
    return python


def ensure_data(options, cache, python):
    kind = "-string-ids" if options.string_ids else ""
    home = options.data or cache / f"{options.events}-events-{options.users}-users{kind}"
    if not any(home.glob("*.parquet")):
        say(f"generating {options.events:,} events into {home}")
        # Under another name until it is whole, so that a run cut short leaves nothing that looks like a log.
        partial = home.with_name(home.name + ".partial")
        command = [python, HERE / "generate.py", "--events", str(options.events), "--users", str(options.users)]
        command += ["--out", partial, *(["--string-ids"] if options.string_ids else [])]
        subprocess.run(command, check=True)
        partial.rename(home)
    command = [python, HERE / "peers.py", "describe", home]
    log = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    if (log["events"], log["string_ids"]) != (options.events, options.string_ids):
        ids = "string" if log["string_ids"] else "integer"
        sys.exit(f"{home} holds {log['events']} events with {ids} ids: not what --events and --string-ids ask for")
    return home, log["forms"]


def build():
    """Builds the example and returns its path, which cargo knows whatever its target folder is."""
    say("building attrition's side")
    command = ["cargo", "build", "--release", "--example", "peers", "--message-format=json-render-diagnostics"]
    built = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    binaries = [m["executable"] for m in messages if m.get("executable") and m["target"]["name"] == "peers"]
    return Path(binaries[-1])


def commands(options, python, binary, data, forms):
    """Everything one round runs, in order: for each workload attrition, then every form of every peer."""
    for workload in options.workloads:
        yield [binary, workload, data]
        for engine in options.engines:
            for form in forms[engine][workload]:
                yield [python, HERE / "peers.py", engine, workload, form, data]
    if {"w1", "w6"} & set(options.workloads):
        yield [binary, "decode4", data]
    if {"w2", "w3", "w4", "w5", "w7"} & set(options.workloads):
        yield [binary, "decode", data]
    if {"w2", "w4", "w5"} <= set(options.workloads):
        yield [binary, "all", data]
        yield [binary, "memory", data]


def warm(data):
    """Reads the log, so that no run waits for a disk."""
    for path in data.glob("*.parquet"):
        with open(path, "rb", buffering=0) as file:
            while file.read(1 << 22):
                pass


def busy_seconds():
    """Processor time used or taken away by anyone since boot."""
    with open("/proc/stat") as file:
        user, nice, system, _idle, _waiting, irq, softirq, stolen = map(int, file.readline().split()[1:9])
    return (user + nice + system + irq + softirq + stolen) / os.sysconf("SC_CLK_TCK")


def measure(command):
    """The rows a command prints, each with the figures of its whole process as the system saw them.

    `others` is the share of the machine that went to other processes meanwhile.
    """
    busy, start = busy_seconds(), time.perf_counter()
    # The allocator of attrition's side gives pages back after 10 ms unless told to wait; the engines' own wait longer.
    environment = {"MIMALLOC_PURGE_DELAY": "1000"} | os.environ
    child = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True, env=environment)
    with child.stdout:
        lines = child.stdout.read().splitlines()
    # A child's peak starts at what its parent held when it was forked: why numpy and the like are not
    # imported in this process.
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"exit status {child.returncode} from: {' '.join(map(str, command))}")
    wall, cpu = time.perf_counter() - start, usage.ru_utime + usage.ru_stime
    whole = {
        "process_wall": round(wall, 4),
        "process_cpu": round(cpu, 3),
        "process_peak_mib": round(usage.ru_maxrss / 1024),
        "others": round(max(busy_seconds() - busy - cpu, 0) / wall / os.cpu_count(), 3),
    }
    return [json.loads(line) | whole for line in lines]


def main():
    options = arguments()
    cache = Path(os.environ.get("ATTRITION_PEERS_DIR") or Path(tempfile.gettempdir()) / "attrition-peers")
    cache.mkdir(parents=True, exist_ok=True)
    python = interpreter(cache)
    data, forms = ensure_data(options, cache, python)
    binary = options.binary or build()
    rows_path = options.rows or cache / time.strftime("rows-%Y%m%d-%H%M%S.jsonl")

    log = f"{options.events:,} events, {'string' if options.string_ids else 'integer'} ids"
    load = os.getloadavg()[0]
    print(f"{log}; runs of each, in turn: {options.runs}; {os.cpu_count()} CPUs, load {load:.1f} at the start")
    print(" ".join(REQUIREMENTS.read_text().split()))
    rows = []
    with open(rows_path, "a") as file:
        for run in range(1, options.runs + 1):
            for command in commands(options, python, binary, data, forms):
                warm(data)
                for row in measure(command):
                    row |= {"run": run, "events": options.events, "string_ids": options.string_ids}
                    rows.append(row)
                    file.write(json.dumps(row) + "\n")
                    file.flush()
                    say(f"run {run}: {row['workload']} {row['engine']} {row['form']} {row['wall']:.3f} s")
            # After each round: there is no point in timing wrong answers to the end.
            if differences := report.differences(rows):
                heading = "THE ANSWERS DIFFER, so no figures:"
                sys.exit("\n".join([heading, *differences, f"raw rows: {rows_path}"]))
    print("all digests agree")
    report.show(rows)
    print(f"\nraw rows: {rows_path}")


if __name__ == "__main__":
    main()
