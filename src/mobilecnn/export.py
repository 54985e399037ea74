"""The whole way from a Keras model to checked ``.tflite`` files with passports.

In order: the input contract, one conversion to float32, lowering, quantization to every other format from
that one flatbuffer, the check of each file's answers against the Keras model's, and the passports. Two
child processes share the work: one holds Keras, the other the TFLite runtime and the quantizer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mobilecnn import ladder, probed
from mobilecnn.convert.checks import CONVERTED, NOTE
from mobilecnn.convert.contradictions import of_kind
from mobilecnn.convert.conversion import KerasFacts, KerasModel, Source
from mobilecnn.convert.file_preprocessing import follow_file
from mobilecnn.convert.findings import contract_of, contradicts
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.lowering import AUTO, lower
from mobilecnn.convert.lowering import chosen as chosen_rewrites
from mobilecnn.convert.lowering.costs import ANY
from mobilecnn.convert.lowering.description import Description
from mobilecnn.convert.lowering.explanation import explain
from mobilecnn.convert.lowering.rewrites import rewrite
from mobilecnn.convert.output_kinds import choices, named, settle
from mobilecnn.convert.outputs import shown_by_file
from mobilecnn.errors import MobileCnnError, UsageError
from mobilecnn.export_places import places
from mobilecnn.export_request import check_request, chosen_corrections, refuse_idle_target
from mobilecnn.exported import GOLDEN_IMAGES, Answered, Exported, Origin, write
from mobilecnn.extras import require
from mobilecnn.files import temporary_folder
from mobilecnn.ladder import Climb
from mobilecnn.locks import locked
from mobilecnn.quantize import corrections, decisions, float_choice
from mobilecnn.quantize import formats as table
from mobilecnn.quantize.calibration.doctor import examine
from mobilecnn.quantize.calibration.images import (
    Calibration,
    CalibrationImages,
    ChosenImages,
    choose,
    prepare,
)
from mobilecnn.quantize.corrections import Quantized
from mobilecnn.quantize.formats import Format
from mobilecnn.quantize.gains import refuse_converted, say_no_smaller
from mobilecnn.quantize.gate import STEADY, float32_limit, refuse_not_finite
from mobilecnn.quantize.inference import TfliteProcess
from mobilecnn.quantize.labelled import check, labels_of, questions
from mobilecnn.quantize.making import Changes, Making, joined, make, with_cost
from mobilecnn.quantize.origins import say_trained
from mobilecnn.quantize.parity import compare
from mobilecnn.quantize.partitions import counted
from mobilecnn.quantize.recipes import Recipe
from mobilecnn.quantize.steadiness import movement
from mobilecnn.quantize.verdict import DEFAULT, Floors
from mobilecnn.quantize.yardstick import runs, yardstick
from mobilecnn.remarks import Remark, Remarked, no_remark
from mobilecnn.seeds import check_seed
from mobilecnn.steps import Progress, Steps, no_progress
from mobilecnn.train import datasets
from mobilecnn.train.datasets.dataset import Dataset
from mobilecnn.train.datasets.overlap import say_overlap


def export(
    source: Source,
    formats: Sequence[str],
    output: Path,
    calibration: Calibration | None = None,
    io: str | None = None,
    progress: Progress | None = None,
    data: str | None = None,
    remarked: Remarked = no_remark,
    skip_bad: bool = False,
    lowering: str | Sequence[str] = AUTO,
    target: str = ANY,
    floors: Floors = DEFAULT,
    correct: str | Sequence[str] = corrections.AUTO,
    keep_float: Sequence[str] = (),
    recipe: Recipe | None = None,
    target_runtime: str | None = None,
    climb: Climb | None = None,
) -> tuple[Exported, ...]:
    """Export ``source`` in each of ``formats`` to ``output``/NAME.FORMAT.tflite, with passports.

    Args:
        source: a Keras file or a zoo name.
        formats: names of rows of :data:`mobilecnn.quantize.formats.FORMATS`; ``auto`` alone for the first file of a
            :mod:`mobilecnn.ladder` that keeps the right answers.
        output: the folder; created if need be.
        calibration: the representative data set; parity is measured on it too. Without one, parity is
            measured on random pictures.
        io: type that quantized files take and give, where their format has it: ``int8``, ``uint8`` or ``float32``. None for the
            format's own, or what a recipe says.
        progress: called with (step, steps, what is being done).
        data: labelled images to ask the Keras model and all files for: a folder, or ``digits`` (its held-out
            part); None to ask for none.
        remarked: told what of the images is not used, or not as one might expect.
        skip_bad: whether to leave out labelled images that cannot be read; those of ``calibration`` have an
            option of their own.
        lowering: rewrites of the graph (:data:`mobilecnn.convert.lowering.REWRITES`): ``auto`` for all, ``none``, or names.
        target: where the files are to run, for the rewrites that choose by cost, as
            :func:`mobilecnn.convert.lowering.costs.costs_of` takes it.
        floors: what a file must keep of the Keras model's answers, on images that did not calibrate it.
        correct: corrections of quantized files (:data:`mobilecnn.quantize.corrections.NAMES`): ``auto`` for all, ``none``, or
            names.
        keep_float: shell patterns of the names of operators that stay in float32 in every format.
        recipe: rules for the format that it names, which is made too.
        target_runtime: ``PACKAGE==RELEASE`` of the runtime that the files are for, or the name of a device, which is asked: what
            it lacks is mended, and said, or refused. A release of tflite-runtime is the ``target`` as well where none is named.
        climb: what is asked of the ladder; None for its defaults, and without one.

    Raises:
        UsageError, ModelFileError, DataError, OutputError: what the user gave does not work.
        CheckFailed: the Keras model itself answers with numbers that are not finite, or no step of the ladder passes; nothing
            is written.
        EnvironmentProblem: a child process crashed.
    """
    ladder.refuse_unused(climb, formats)
    if climbing := ladder.AUTO in formats:
        climb = climb or Climb()
        rows = ladder.check(formats, climb, calibration, data, keep_float, recipe)
    else:
        rows = check_request(formats, calibration, keep_float, recipe)
    table.check_io(io, rows)
    check_seed(source.seed)
    floors.check()
    if source.is_file:
        refuse_converted(Path(source.text))
    if target == ANY and (target_runtime or "").startswith(f"{float_choice.PACKAGE}=="):
        target = float_choice.PACKAGE  # Its kernels for int8 are other ones, and have other costs.
    rewrites, wanted = chosen_rewrites(lowering, target), chosen_corrections(correct, rows, calibration)
    refuse_idle_target(target, rewrites, lowering)
    runtime = None if target_runtime is None else probed.runtime(target_runtime, remarked)
    require("exporting", "export")
    paths = {row.name: output / f"{source.stem}.{row.name}.tflite" for row in rows}
    if data is not None and not source.trained:
        raise UsageError(
            f"--data asks how many images {source.text} has right, and its weights are random; leave it out"
        )
    work_steps = 2 + ladder.STEPS if climbing else 2 * len(rows) + (0 if data is None else 1 + len(rows))
    steps = Steps(progress, 5 + work_steps)
    with (
        places(output, paths.values()),
        locked(*paths.values()),
        temporary_folder() as work,
        KerasModel(source) as keras,
        TfliteProcess(f"that quantizes {source.text}") as tflite,
    ):
        # The child imports TensorFlow meanwhile, so a data set that is missing is told at once.
        chosen = choose(calibration, remarked)
        dataset = None if data is None else _labelled(data, remarked, skip_bad)
        calibrate_too = 0
        if dataset is not None and chosen.dataset is not None:
            calibrate_too = say_overlap(
                dataset, [chosen.dataset], "calibrated-on", "that calibrate the files", remarked
            )
        facts, images, labels, converted = _convert(keras, chosen, dataset, source.name, work, steps)
        if dataset is not None:
            say_trained(source.name, facts.training, dataset, remarked)
        facts = _held_to_file(facts, converted.read_bytes(), source)
        findings = examine(keras, chosen, images, facts) if source.trained else ()
        for finding in findings:
            if finding.severity == NOTE:
                remarked(Remark(finding.code, 1, f"{chosen.data}: {finding.text}; {finding.fix}"))
        description = Description(source.stem, facts.contract, facts.labels, facts.kind)
        float32 = work / "base.tflite"
        judging = images.judging
        pictures = judging.pixels[:GOLDEN_IMAGES]
        answers = runs(tflite, pictures, len(pictures), facts.contract, work / "golden")
        floats = rewrite(
            converted.read_bytes(),
            source.text,
            [row for row in rewrites if row.graph == "converted"],
            answers,
        )
        floats = counted(CONVERTED, converted.read_bytes(), floats, tflite, work / "counted.tflite")
        lowered = lower(floats.content, description)
        float32.write_bytes(lowered.content)

        steps(f"running {facts.called}")
        keras.start_run(facts.contract, judging.tensors, work / "reference.npy")
        made, changes, taken_back, gains, explained, scores = {}, {}, {}, {}, {}, {}
        chosen_file: ladder.Chosen | None = None
        reference: npt.NDArray[np.float32] | None = None
        try:
            needed = corrections.NAMES if climbing else wanted if any(row.quantizes for row in rows) else ()
            base = corrections.prepare(tflite, float32, images, facts.kind, needed)
            aim = yardstick(tflite, judging, facts.contract, facts.classes, float32, work)
            how = Making(tflite, io, base, description, rewrites, answers, runtime, remarked, aim)
            if climb is not None and dataset is not None and labels is not None:
                reference = _reference(keras, work, source, facts)
                steps(f"running {facts.called} on {dataset.name}")
                asked = questions(keras, facts, dataset, labels, source.name, work, remarked)
                ground = ladder.Ground(source, facts, images, reference, asked, calibrate_too, floors, work)
                chosen_file = ladder.up(climb, how, rows, wanted, ground, steps)
                rows, dataset = (chosen_file.row,), None
            for row in rows:
                steps(f"making {row.name}")
                made[row.name], own = make(row, how) if chosen_file is None else chosen_file.made
                size, whole = (path.stat().st_size for path in (made[row.name].path, float32))
                say_no_smaller(row, size, whole, source.name, remarked)
                changes[row.name] = joined(
                    _loading(facts), joined(floats.changes, joined(lowered.beyond_names, own.changes))
                )
                taken_back[row.name] = with_cost(
                    floats.taken_back | own.taken_back, made[row.name].path, tflite, row.needs_calibration
                )
                gains[row.name] = (*floats.gains, *own.gains)
                explained[row.name] = explain(
                    made[row.name].path.read_bytes(),
                    row.name,
                    (*floats.parts, *own.parts),
                    [rule.costs for rule in rewrites],
                )
                steps(f"running {row.name}")
                tflite.run(made[row.name].path, judging.tensors, work / f"{row.name}.npy")
                scores[row.name] = np.load(work / f"{row.name}.npy", allow_pickle=False)
        except MobileCnnError:
            # The quantizer breaks down over ranges that are not finite; the model's own answers say why.
            if reference is None:
                _reference(keras, work, source, facts)
            raise
        if reference is None:
            reference = _reference(keras, work, source, facts)
        if target == float_choice.PACKAGE:
            _compare_with_float(rows, made, base.graph, remarked)
        parities = {name: compare(reference, answers, facts.kind) for name, answers in scores.items()}
        tolerance = STEADY
        if any(row.exact and parities[row.name].relative > STEADY for row in rows):
            tolerance = float32_limit(movement(keras, facts.contract, judging.tensors, reference, work))
        labelled = {} if chosen_file is None else {chosen_file.row.name: chosen_file.labelled}
        if dataset is not None and labels is not None:
            files = {name: quantized.path for name, quantized in made.items()}
            labelled = check(keras, tflite, files, facts, dataset, labels, source.name, work, steps, remarked)

        steps("writing")
        climbed = None if chosen_file is None else chosen_file.ladder
        origin = Origin(source, facts, images, tolerance, reference, floors, findings, climbed)
        answered = (
            Answered(
                paths[row.name],
                row,
                made[row.name],
                changes[row.name],
                taken_back[row.name],
                gains[row.name],
                explained[row.name],
                parities[row.name],
                scores[row.name],
                labelled.get(row.name),
            )
            for row in rows
        )
        exported = write([paths[row.name] for row in rows], answered, origin)
        steps("done")
    return exported


def _compare_with_float(
    rows: Sequence[Format], made: Mapping[str, Quantized], float32: flatbuffer.Graph, remarked: Remarked
) -> None:
    """Say of files that are integers from end to end where the float32 one is the better choice on tflite-runtime, with both times."""
    for row in rows:
        if row.io_types[0] == table.FLOAT32:
            continue
        integers = flatbuffer.graph(made[row.name].path.read_bytes(), row.name)
        words = float_choice.compared(float32, integers).words
        if words is not None:
            remarked(Remark("float32-faster", 1, f"{row.name}: {words}"))


def _labelled(data: str, remarked: Remarked, skip_bad: bool) -> Dataset:
    dataset = datasets.load(data, "test")
    for remark in dataset.remarks:
        remarked(remark)
    return dataset.readable(remarked, no_progress) if skip_bad else dataset


def _reference(keras: KerasModel, work: Path, source: Source, facts: KerasFacts) -> npt.NDArray[np.float32]:
    """The Keras model's answers, (images, outputs), once they are there.

    Raises:
        CheckFailed: some are not finite, and nothing can be held to them.
        UsageError: they are not of the kind that the user says.
    """
    keras.finish()
    reference: npt.NDArray[np.float32] = np.load(work / "reference.npy", allow_pickle=False)
    refuse_not_finite(source.name, reference, facts.called)
    if (reason := decisions.contradiction(facts.kind, reference)) is not None:
        others = [name for name in choices("unknown", facts.classes) if named(name).link != "identity"]
        raise UsageError(
            f"{source.name}: --output-kind {facts.kind.name} cannot be meant: {reason}; give --output-kind "
            f"{' or '.join(others)}"
        )
    return reference


def _convert(
    keras: KerasModel, chosen: ChosenImages, dataset: Dataset | None, name: str, work: Path, steps: Steps
) -> tuple[KerasFacts, CalibrationImages, npt.NDArray[np.int64] | None, Path]:
    """The loaded model, the images at its size, the labels of ``dataset``, and the converter's float32 file.

    The images are decoded while the child loads the model or converts it; labels that do not fit are refused before.
    """
    early = keras.expected_contract
    steps("loading the model")
    tensors = work / "calibration.npy"
    images = None if early is None else prepare(chosen, early, tensors)
    facts = keras.load()
    labels = None if dataset is None else labels_of(dataset, facts, name)
    steps("converting")
    converted = work / "converted.tflite"
    keras.start_convert(facts.contract, converted)
    if images is None or early != facts.contract:
        images = prepare(chosen, facts.contract, tensors)
    keras.finish()
    return facts, images, labels, converted


def _held_to_file(facts: KerasFacts, content: bytes, source: Source) -> KerasFacts:
    """What the model is, once the converted file agrees: its operators prove more than layers of the user's own do.

    Raises:
        UsageError: they prove another input range, or another kind of output, than was said.
    """
    graph = flatbuffer.graph(content, source.name)
    if of_kind(facts.kind.name, shown := shown_by_file(graph), facts.classes) is not None:
        settle(shown, facts.classes, facts.kind.name, source.name)
    finding = follow_file(graph)
    if facts.contract.overrides or not finding.possible or not contradicts(finding, facts.contract):
        return facts
    given = source.input_range
    contract = contract_of(
        finding, None if given else facts.contract, facts.called, facts.contract.shape, given, source.override,
        what=source.name, shared=False,
    )  # fmt: skip
    return replace(facts, contract=contract)


def _loading(facts: KerasFacts) -> Changes:
    """What loading the model changed, in the form of a pass over the graph."""
    return {"loading": facts.notes} if facts.notes else {}
