"""What the stand-in for a phone says of itself, and the small programs on it."""

PROPERTIES = {
    "ro.product.manufacturer": "Stand-in", "ro.product.model": "Phone 1", "ro.product.cpu.abi": "arm64-v8a",
    "ro.product.cpu.abilist": "arm64-v8a,armeabi-v7a,armeabi", "ro.build.version.release": "14",
    "ro.build.version.sdk": "34", "ro.build.fingerprint": "standin/phone/phone:14/ABC/1:user/release-keys",
    "ro.soc.manufacturer": "Maker", "ro.soc.model": "SM1",
}  # fmt: skip


CLOCKS = (1_803_000,) * 4 + (2_348_000,) * 2 + (2_850_000,) * 2
"""kHz of the cores: four little, two middle, two big."""


LOG = """INFO: STARTING!
INFO: Graph: [m.tflite]
INFO: Loaded model m.tflite
INFO: The input model file size (MB): 0.02
INFO: Initialized session in 6.951ms.
INFO: Running benchmark for at least 6 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
INFO: count=60 first=9000 curr=8100 min=8000 max=9000 avg=8200 std=120

INFO: Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 150 seconds.
INFO: count=122 first=8110 curr=8150 min=8001 max=8700 avg=8213.5 std=44 p5=8020 median=8200 p95=8500

INFO: Inference timings in us: Init: 6951, First inference: 9000, Warmup (avg): 8200, Inference (avg): 8213.5
INFO: Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE
INFO: Memory footprint delta from the start of the tool (MB): init=1.5 overall=4.25
"""
"""What its benchmark_model prints unless a test says otherwise."""


PROGRAMS = {
    "getprop": 'sed -n "s/^$1=//p" "$PHONE/properties"',
    "uname": 'case $1 in -m) echo aarch64;; *) echo "Linux 5.10.107-android13";; esac',
    "dumpsys": 'cat "$PHONE/dumpsys.$1" 2>/dev/null',
    "taskset": (
        'echo "$1" >>"$PHONE/masks"; shift; [ -x "$1" ] || { echo "taskset: exec $1: Permission denied" >&2; exit 126; }\n'
        'shift; echo "$*" >>"$PHONE/flags"; exec "$PHONE/tool" "$@"'
    ),
    "pidof": '[ -e "$PHONE/alive" ]',
    "logcat": 'cat "$PHONE/log" 2>/dev/null',
    "am": 'echo "$*" >>"$PHONE/started"; [ ! -x "$PHONE/app" ] || "$PHONE/app" "$@"',
    "pm": (
        'case $1 in path) [ ! -x "$PHONE/app" ] || echo "package:/data/app/org.mobilecnn.demo/base.apk";;\n'
        'install) for apk; do :; done; cp "$apk" "$PHONE/installed.apk"; cat "$PHONE/install";; esac'
    ),
}
