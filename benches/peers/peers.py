#!/usr/bin/env python3
"""One measured run of one workload on one peer.

    python peers.py ENGINE WORKLOAD FORM DATA_DIR    one JSON line: engine, workload, form, wall (s),
                                                     cpu (s), peak_mib, rows, digest
    python peers.py describe DATA_DIR                one JSON line: events, string_ids, and the forms to
                                                     run on such a log, by engine and workload

`wall` and `cpu` are of the query alone, from Parquet to the final table: imports and connecting are not
in them. `peak_mib` is the most memory the process has held when the table is there, imports included.

Digest: every column of a row as an int64 (days since 1970-01-01; months as year * 12 + month - 1), h = 0,
then h = splitmix64(h ^ value) for each column in turn; the digest is the wrapping sum of h over the rows
in hexadecimal, so that the order of the rows does not matter. A string id counts as its first 8 bytes,
little-endian.
"""
import importlib
import json
import os
import resource
import sys
import time

# Functions that need numpy and pyarrow import them: an engine's peak shall hold only what it uses itself.

ENGINES = ["duckdb", "chdb", "polars"]


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(name, workload, form, data_dir):
    engine = importlib.import_module(f"engines.{name}")
    context = engine.connect(os.path.join(data_dir, "*.parquet"))
    cpu, start = cpu_seconds(), time.perf_counter()
    table = engine.run(context, workload, form)
    wall, cpu, peak = time.perf_counter() - start, cpu_seconds() - cpu, peak_mib()
    return {
        "engine": name,
        "workload": workload,
        "form": form,
        "wall": round(wall, 4),
        "cpu": round(cpu, 3),
        "peak_mib": round(peak),
        "rows": len(table),
        "digest": digest(engine.arrow(table)),
    }


def digest(table):
    import numpy as np

    columns = [np.concatenate([as_u64(chunk) for chunk in column.chunks]) for column in table.columns]
    total = 0
    for start in range(0, len(table), 1 << 20):
        h = np.uint64(0)
        for column in columns:
            h = splitmix64(h ^ column[start : start + (1 << 20)])
        total += int(h.sum())
    return f"{total % 2**64:016x}"


def as_u64(chunk):
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute

    if pa.types.is_date32(chunk.type):
        chunk = chunk.cast(pa.int32())
    elif not pa.types.is_integer(chunk.type):
        text = chunk.cast(pa.large_string()).cast(pa.large_binary())
        head = pa.compute.binary_slice(text, 0, 8).cast(pa.binary(8))
        return np.frombuffer(head.buffers()[1], "<u8", len(head))
    values = chunk.to_numpy(zero_copy_only=False)
    return values if values.dtype == np.uint64 else values.astype(np.int64).view(np.uint64)


def splitmix64(x):
    import numpy as np

    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def describe(data_dir):
    import pyarrow as pa
    import pyarrow.dataset

    log = pa.dataset.dataset(data_dir)
    string_ids = not pa.types.is_integer(log.schema.field("user_id").type)
    ids = "string" if string_ids else "integer"
    forms = {}
    for name in ENGINES:
        engine = importlib.import_module(f"engines.{name}")
        forms[name] = {workload: by_ids[ids] for workload, by_ids in engine.FORMS.items()}
    return {"events": log.count_rows(), "string_ids": string_ids, "forms": forms}


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["describe", data_dir]:
            line = describe(os.path.abspath(data_dir))
        case [engine, workload, form, data_dir]:
            line = measure(engine, workload, form, os.path.abspath(data_dir))
        case _:
            sys.exit(__doc__)
    print(json.dumps(line), flush=True)
