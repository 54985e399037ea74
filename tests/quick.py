"""The quick tests, ``pytest --quick``: they need the core of the package, and no program beside Python.

``make check`` runs them all; scripts/test_wheel.sh runs them against an installed wheel on another Python, but
for test_structure.py, which is about the source tree.
"""

FILES = (
    "bench/test_adb_commands.py",
    "bench/test_answers.py",
    "bench/test_api_records.py",
    "bench/test_benchmark_model.py",
    "bench/test_comparison.py",
    "bench/test_cool_down.py",
    "bench/test_device_file.py",
    "bench/test_hygiene.py",
    "bench/test_instruction_kinds.py",
    "bench/test_instructions.py",
    "bench/test_mcnemar.py",
    "bench/test_measurement.py",
    "bench/test_protocol.py",
    "bench/test_recording.py",
    "bench/test_report.py",
    "bench/test_result_files.py",
    "bench/test_samples.py",
    "bench/test_single_stream.py",
    "bench/test_statistics.py",
    "bench/test_stream.py",
    "bench/test_summary.py",
    "bench/test_worker.py",
    "bench/test_worker_machine.py",
    "cli/test_cli.py",
    "convert/test_bounds.py",
    "convert/test_build.py",
    "convert/test_cut.py",
    "convert/test_flatbuffer.py",
    "convert/test_inspection.py",
    "convert/test_lowering.py",
    "convert/test_tflite_metadata.py",
    "convert/test_passport.py",
    "convert/test_versions.py",
    "convert/test_wellformed.py",
    "quantize/test_formats.py",
    "quantize/test_parity.py",
    "test_api.py",
    "test_extras.py",
    "test_files.py",
    "test_records.py",
    "test_structure.py",
    "test_writing.py",
    "train/test_augmentation.py",
    "train/test_checkpoint_file.py",
    "train/test_images.py",
    "train/test_keras_file.py",
    "train/test_names.py",
    "train/test_torch_file.py",
    "train/test_torch_file_refused.py",
)
"""Test files, from this folder."""

FIXTURES = frozenset(
    {
        "adb_server",
        "board",
        "exported",
        "keras",
        "phone",
        "phone_with_litert",
        "served",
        "third_party",
        "trained",
        "workspace",
    }
)
"""Fixtures that need TensorFlow, sshd or adb: tests in these files that use one are not quick."""
