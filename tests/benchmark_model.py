"""In place of TFLite's benchmark_model: the flags that are used, what it prints, and real inferences with LiteRT."""

import sys
import time
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

PROFILE = """Operator-wise Profiling Info for Regular Benchmark Runs:
============================== Run Order ==============================
\t[node type]\t[first]\t[avg ms]\t[%]\t[cdf%]\t[mem KB]\t[times called]\t[Name]
{order}

============================== Summary by node type ==============================
\t[Node type]\t[count]\t[avg ms]\t[avg %]\t[cdf %]\t[mem KB]\t[times called]
{types}
"""


def statistics(values: list[float]) -> str:
    """As the tool prints them, of microseconds."""
    whole = [round(value) for value in values]
    ordered, count = sorted(whole), len(whole)
    mean = sum(whole) / count
    text = (
        f"count={count} first={whole[0]} curr={whole[-1]} min={ordered[0]} max={ordered[-1]} avg={mean:.6g}"
    )
    if ordered[0] == ordered[-1]:
        return f"count={count} curr={whole[0]}" + ("(all same)" if count > 1 else "")
    return (
        text
        + f" std={int(np.std(whole))} p5={ordered[count // 20]} median={ordered[count // 2]} p95={ordered[count * 95 // 100]}"
    )


def main(arguments: list[str]) -> int:
    given = dict(word.removeprefix("--").split("=", 1) for word in arguments)
    print("INFO: STARTING!", f"INFO: Graph: [{given['graph']}]", sep="\n")
    begin = time.perf_counter()
    try:
        interpreter = Interpreter(model_path=given["graph"], num_threads=int(given["num_threads"]))
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        print(
            f"ERROR: Failed to load model {given['graph']}",
            "ERROR: Benchmarking failed.",
            sep="\n",
            file=sys.stderr,
        )
        print(str(error).replace("\n", " "), file=sys.stderr)
        return 1
    init = (time.perf_counter() - begin) * 1e6
    (source, *_), (result, *_) = interpreter.get_input_details(), interpreter.get_output_details()
    values = np.zeros(source["shape"], source["dtype"])
    if files := given.get("input_layer_value_files"):
        assert given["input_layer_shape"] == ",".join(map(str, source["shape"]))
        content = Path(files.partition(":")[2]).read_bytes()
        values = np.frombuffer(content, source["dtype"]).reshape(source["shape"])

    def part(runs: str, seconds: str) -> str:
        print(
            f"INFO: Running benchmark for at least {runs} iterations and at least {seconds} seconds but terminate"
        )
        samples: list[float] = []
        end = time.perf_counter() + float(seconds)
        while len(samples) < int(runs) or time.perf_counter() < end:
            interpreter.set_tensor(source["index"], values)
            before = time.perf_counter()
            interpreter.invoke()
            samples.append(max(1.0, (time.perf_counter() - before) * 1e6))
        line = statistics(samples)
        print(f"INFO: {line}\n", flush=True)
        return line

    warm, timed = (
        part(given["warmup_runs"], given["warmup_min_secs"]),
        part(given["num_runs"], given["min_secs"]),
    )
    average = [dict(word.split("=") for word in line.split("(")[0].split()) for line in (warm, timed)]
    means = [figures.get("avg", figures["curr"]) for figures in average]
    first = average[0].get("first", average[0]["curr"])
    print(
        f"INFO: Inference timings in us: Init: {round(init)}, First inference: {first}, Warmup (avg): {means[0]}, "
        f"Inference (avg): {means[1]}"
    )
    if given.get("enable_op_profiling") == "true":
        # Which operators there are is true; to each is given the same share of the time.
        kinds = [operator["op_name"] for operator in interpreter._get_ops_details()]
        mean, share = float(means[1]) / 1e3 / len(kinds), 100 / len(kinds)
        print(PROFILE.format(
            order="\n".join(
                f"\t{kind}\t{mean:.3f}\t{mean:.3f}\t{share:.3f}%\t{share * (number + 1):.3f}%\t0.000\t1\t[{kind}]:{number}"
                for number, kind in enumerate(kinds)
            ),
            types="\n".join(
                f"\t{kind}\t{kinds.count(kind)}\t{mean * kinds.count(kind):.3f}\t{share * kinds.count(kind):.3f}%"
                f"\t{100.0:.3f}%\t0.000\t{kinds.count(kind)}"
                for kind in dict.fromkeys(kinds)
            ),
        ))  # fmt: skip
    if path := given.get("output_filepath"):
        Path(path).write_bytes(interpreter.get_tensor(result["index"]).tobytes())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
