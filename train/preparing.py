"""Before a training: everything that can be checked is checked, and the images are read."""

import hashlib
import math
import tempfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from mobilecnn.contract import RANGES, InputContract
from mobilecnn.errors import DataError, OutputError, UsageError
from mobilecnn.files import check_file, read_bytes
from mobilecnn.locks import locked
from mobilecnn.remarks import Remarked, no_remark
from mobilecnn.replacing import refuse_itself
from mobilecnn.seeds import check_seed
from mobilecnn.steps import Progress, no_progress
from mobilecnn.train import checkpoint, datasets, pretrained, zoo
from mobilecnn.train.augmentation import AUGMENTATIONS
from mobilecnn.train.backend import require_backend
from mobilecnn.train.batches import Pictures
from mobilecnn.train.datasets.reading import refuse_unreadable
from mobilecnn.train.datasets.seen import pack
from mobilecnn.train.hosts import ALONE, Team
from mobilecnn.train.initializers import INITIALIZERS
from mobilecnn.train.keras_file import check_name
from mobilecnn.train.learner import PRECISIONS
from mobilecnn.train.material import digest, split
from mobilecnn.train.optimizers import MEMBERS, OPTIMIZERS
from mobilecnn.train.options import OPTIONS
from mobilecnn.train.plan import Epoch, TrainingPlan
from mobilecnn.train.schedules import SCHEDULES
from mobilecnn.train.transfer import Base, refuse_without_layers, say_validated
from mobilecnn.version import __version__

IMAGENET = "imagenet"
"""Value of ``--weights``: those that :mod:`mobilecnn.train.pretrained` knows."""

KEEPS = ("best", "last")
"""Values of ``--keep``."""


@dataclass(frozen=True)
class Job:
    """A training that is ready to run: everything that can be checked beforehand has been.

    Attributes:
        plan: the training.
        output: path of the model.
        name: the network; None where the plan's base names a model.
        base: the model to begin with; None for random weights.
        contract: the network's input.
        classes: class names in output order.
        training: pictures that are trained on.
        validation: pictures that are validated on.
        data_sha256: SHA-256 of the content, the class and the part of all images.
        seen: the images that are trained and validated on, and those that the base has seen (:mod:`mobilecnn.train.datasets.seen`).
        origin: SHA-256 of what the training begins with: the images and the weights.
        done: epochs that an interrupted run has completed; empty unless resumed.
        team: the machines that train, of which the first writes.
    """

    plan: TrainingPlan
    output: Path
    name: zoo.ModelName | None
    base: Base | None
    contract: InputContract
    classes: tuple[str, ...]
    training: Pictures
    validation: Pictures
    data_sha256: str
    seen: str
    origin: str
    done: tuple[Epoch, ...]
    team: Team = ALONE

    @property
    def title(self) -> str:
        """The network, for people."""
        return str(self.name) if self.name is not None else self.plan.base


def default_size(name: zoo.ModelName, data: str) -> int:
    """The input side in pixels where the user names none: the one in the name, the data set's, or the network's."""
    reader = datasets.reader_of(data)
    if name.sized or reader is None or reader.default_size is None:
        return name.size
    return max(reader.default_size, name.family.smallest)


def prepare(
    plan: TrainingPlan,
    output: Path,
    resume: bool = False,
    progress: Progress = no_progress,
    skip_bad: bool = False,
    remarked: Remarked = no_remark,
    base: Base | None = None,
    team: Team = ALONE,
) -> Job:
    """Check everything that can be checked before training, and read the images.

    Args:
        plan: the training.
        output: a ``.keras`` path; an existing file is replaced when the training is complete.
        resume: continue the training that was interrupted with the same plan and output.
        progress: called for each image that is read.
        skip_bad: leave out images that cannot be read.
        remarked: told what of the data is not used, or not as one might expect.
        base: the loaded model that ``plan.base`` names.
        team: the machines that train; what concerns ``output`` is checked on the first alone.

    Raises:
        UsageError: a value is out of range or without effect; or there is nothing to resume, or it had another plan; or
            the machines have different options or images.
        ModelNameError: the network is unknown, or cannot be built at this size.
        DataError: the images cannot be read, or are not enough to train and validate with.
        InputError: the checkpoint to resume is damaged.
        OutputError: ``output`` cannot be written, another training writes it, or something of another program's is
            where the history or the checkpoint goes.
        EnvironmentProblem: a package is not installed, such as that with the published weights.
    """
    require_backend("training")
    check(plan)
    if plan.base:
        assert base is not None, "plan.base names a model, which the caller loads"
        name, contract = None, base.contract
        refuse_itself(output, Path(plan.base))
    else:
        sides = plan.size if isinstance(plan.size, tuple) else None
        name = zoo.parse(plan.architecture, size=plan.size if isinstance(plan.size, int) else None)
        contract = zoo.contract(name, sides)
    if team.first:
        check_output(output, resume)
    if plan.weights:
        base = pretrained.base(plan.architecture, contract)
    if base is not None:
        refuse_without_layers(base.model, plan.freeze, plan.thaw)
    training, validation = split(plan, skip_bad, remarked, progress)
    total = len(training) + len(validation)
    data_sha256, each = digest((training, validation))
    origin = _origin(data_sha256, base)
    team.check_batch(min(plan.batch_size, len(training)))
    _agree(team, plan, base, resume, data_sha256)
    say_validated(base, validation, each[len(training) :], data_sha256, remarked)
    done: tuple[Epoch, ...] = ()
    if resume and team.first:
        done = checkpoint.completed(output, plan, total, training.classes, origin)
    done = tuple(Epoch(**row) for row in team.share([asdict(row) for row in done]))
    # Elsewhere nothing is written, and the folder of the output need not be there.
    folder = output.parent if team.first or output.parent.is_dir() else Path(tempfile.gettempdir())

    def counted_from(first: int) -> Progress:
        return lambda read, _, what: progress(first + read, total, what)

    try:
        trained_on = Pictures(training, contract, folder, counted_from(0), remarked)
        validated_on = Pictures(validation, contract, folder, counted_from(len(training)), remarked)
    except DataError:
        refuse_unreadable([*training.images, *validation.images])  # That error knows one of the two.
        raise
    return Job(
        plan=plan,
        output=output,
        name=name,
        base=base,
        contract=contract,
        classes=training.classes,
        training=trained_on,
        validation=validated_on,
        data_sha256=data_sha256,
        seen=pack(each, None if base is None else base.training),
        origin=origin,
        done=done,
        team=team,
    )


def check_output(output: Path, resume: bool = False) -> None:
    """Refuse an output that cannot be written, or beside which something else is where the history or the checkpoint goes.

    Args:
        output: path of the model.
        resume: leave a checkpoint that is there to what reads it.

    Raises:
        UsageError: it is no name of a ``.keras`` file.
        OutputError: it cannot be written, another training writes it, or something else is there.
        EnvironmentProblem: the disk is full.
    """
    check_name(output)
    check_file(output)
    history = history_path(output)
    if history.exists() and not _is_history(history):
        raise OutputError(
            f"{history} is no history of a training, which goes there; move it away, or choose another name with -o"
        )
    if not resume:  # Else it is read, and what is wrong with it is said then.
        checkpoint.refuse_foreign(output)
    with locked(output):  # Two trainings at once are better refused before the images are read.
        pass


def _agree(team: Team, plan: TrainingPlan, base: Base | None, resume: bool, data_sha256: str) -> None:
    """Refuse machines that would not compute the same.

    Raises:
        UsageError: naming what differs.
    """
    mine = {f"--{option}": getattr(plan, member) for option, member in OPTIONS.items()}
    # A path may be another one there; its content is what counts.
    del mine["--data"], mine["--from"]
    mine |= {
        "--resume": resume,
        "content of the images": data_sha256,
        "model to begin with": "" if base is None else base.sha256,
        "version of mobilecnn": __version__,
    }
    first, *others = team.gather(mine)
    for index, other in enumerate(others, 1):
        for what, value in first.items():
            if other.get(what) != value:
                raise UsageError(
                    f"the machines would train differently: the {what.removeprefix('--')} of machine 0 is {value}, and of "
                    f"machine {index} {other.get(what)}; give all of them the same"
                )


def _origin(data_sha256: str, base: Base | None) -> str:
    weights = "" if base is None else f"{base.sha256} {base.code_sha256}".strip()
    return hashlib.sha256(f"{data_sha256} {weights}".encode()).hexdigest()


def history_path(output: Path) -> Path:
    """Path of the history of the training whose model goes to ``output``."""
    return output.with_suffix(".history.csv")


def _is_history(path: Path) -> bool:
    columns = ",".join(field.name for field in fields(Epoch)).encode()
    return path.is_file() and read_bytes(path, "history").startswith(columns)


def check(plan: TrainingPlan) -> None:
    """Refuse a plan with a value that is out of range, or that would change nothing.

    Raises:
        UsageError: naming the option.
    """

    def need(holds: bool, option: str, value: object, choices: str) -> None:
        if not holds:
            raise UsageError(f"--{option} {value} is out of range; choose {choices}")

    need(plan.epochs >= 1, "epochs", plan.epochs, "at least 1")
    need(plan.batch_size >= 1, "batch-size", plan.batch_size, "at least 1")
    need(0 < plan.validation <= 0.9, "validation", plan.validation, "a share above 0, up to 0.9")
    need(plan.patience >= 0, "patience", plan.patience, "at least 0, for no end before the last epoch")
    check_seed(plan.seed)
    rates: tuple[tuple[str, float | None, bool, float, str], ...] = (
        # Option, value, whether 0 is one, what it must stay below or, from 10 on, not exceed.
        ("learning-rate", plan.learning_rate, False, 10, "a value above 0, up to 10"),
        ("epsilon", plan.epsilon, False, 10, "a value above 0, up to 10"),
        ("momentum", plan.momentum, True, 1, "a value from 0 to below 1"),
        ("weight-decay", plan.weight_decay, True, 1, "a value from 0 to below 1"),
        ("label-smoothing", plan.label_smoothing, True, 1, "a value from 0 to below 1"),
        ("dropout", plan.dropout, True, 1, "a value from 0 to below 1"),
        ("warm-up", plan.warm_up, True, 1, "a share of the steps from 0 to below 1"),
        ("ema", plan.ema, True, 1, "a decay from 0, for none, to below 1"),
        ("time-decay", plan.time_decay, True, 10, "a value from 0 to 10"),
        ("step-factor", plan.step_factor, False, 1, "a factor above 0, below 1"),
    )
    for option, value, zero, most, choices in rates:
        if value is not None:
            above = value >= 0 if zero else value > 0
            below = value <= most if most > 1 else value < most
            need(math.isfinite(value) and above and below, option, value, choices)
    if plan.step_epochs is not None:
        need(plan.step_epochs >= 1, "step-epochs", plan.step_epochs, "at least 1")
    for option, chosen, table in (
        ("augment", plan.augment, tuple(AUGMENTATIONS)),
        ("optimizer", plan.optimizer, tuple(OPTIMIZERS)),
        ("schedule", plan.schedule, tuple(SCHEDULES)),
        ("initializer", plan.initializer, tuple(INITIALIZERS)),
        ("precision", plan.precision, tuple(PRECISIONS)),
        ("keep", plan.keep, KEEPS),
        ("weights", plan.weights, ("", IMAGENET)),
        ("input-range", plan.input_range, ("", *RANGES)),
    ):
        need(chosen in table, option, chosen, f"one of {', '.join(filter(None, table))}")
    _check_effects(plan)


def _check_effects(plan: TrainingPlan) -> None:
    """Refuse options that would change nothing: whoever gives one has misunderstood something."""

    def idle(option: str, holds: bool, because: str) -> None:
        if holds:
            raise UsageError(f"--{option} has no effect {because}")

    for member in MEMBERS:
        given, known = (
            getattr(plan, member) is not None,
            getattr(OPTIMIZERS[plan.optimizer], member) is not None,
        )
        idle(member, given and not known, f"with --optimizer {plan.optimizer}; leave it out")
    for name, schedule in SCHEDULES.items():
        for member in schedule.members:
            given = getattr(plan, member) is not None and name != plan.schedule
            idle(
                member.replace("_", "-"),
                given,
                f"with --schedule {plan.schedule}; leave it out, or give --schedule {name}",
            )
    if plan.schedule == "inverse-time" and plan.time_decay is None:
        raise UsageError("--schedule inverse-time needs --time-decay, such as 0.001")
    begins = bool(plan.base or plan.weights)
    if plan.base and (plan.architecture or plan.weights):
        what = "ARCHITECTURE" if plan.architecture else "--weights"
        raise UsageError(f"--from takes the network and the weights of the model; leave {what} out")
    if not plan.base and not plan.architecture:
        raise UsageError("nothing is named to train; give the name of a network, or a model with --from")
    idle(
        "initializer",
        begins and plan.initializer != "default",
        "on weights that are taken over; leave it out",
    )
    idle("input-range", bool(plan.input_range) and not plan.base, "without --from; leave it out")
    idle(
        "override-input-range",
        plan.override_input_range and not plan.input_range,
        "without --input-range; leave it out",
    )
    idle(
        "freeze",
        bool(plan.freeze) and not begins,
        "on random weights; give --from or --weights, or leave it out",
    )
    idle("thaw", bool(plan.thaw) and not plan.freeze, "without --freeze; leave it out")
    if plan.weights:
        pretrained.check(plan.architecture)
