"""The tables of the lesion experiments: networks compared on ISIC 2018, Task 3, and the trainings by batch and learning rate.

Source: the README of the ISIC lesion classifier: 10,015 images of 7 classes, 70 % of them for training, 224 x 224 pixels, Keras,
one GPU of 2018.
"""

from collections.abc import Callable

from mobilecnn.train import zoo
from mobilecnn.train.tables.rows import Column, Figure, PaperTable, Row

SOURCE = "README of the ISIC lesion classifier (ISIC 2018, Task 3; validation of 30 %)"

CLASSES = 7
"""Number of classes of lesions."""

FEATURES = {
    "resnet50": 2048,
    "resnet50_separable_dw": 2048,
    "resnet50_separable_dw_linear": 2048,
    "mobilenet_v2_x1.0_224": 1280,
    "shufflenet_v1_x1.0_g8": 1536,
    "shufflenet_v1_x1.0_g8_noshuffle": 1536,
    "mobilenet_v1_x1.0_224": 1024,
    "mobilenet_v1_x0.75_224": 768,
    "mobilenet_v1_x0.5_224": 512,
}
"""Network -> number of inputs of its classifier."""


def counts(network: str) -> tuple[int, int]:
    """Trainable parameters and multiply-adds of a network with an output for each class of lesions."""
    stored = zoo.stored_counts()[network]
    fewer = stored.classes - CLASSES
    features = FEATURES[network]
    return stored.params_trainable - fewer * (features + 1), stored.macs - fewer * features


def seconds_of(time: str) -> int:
    """Seconds of a time as the README prints it, ``h:mm:ss`` or ``m:ss``."""
    seconds = 0
    for part in time.split(":"):
        seconds = 60 * seconds + int(part)
    return seconds


def minutes(time: str) -> str:
    """Minutes of such a time, to a tenth."""
    return f"{seconds_of(time) / 60:.1f}"


COMPARED = (
    # model, network, parameters (M); without decay: accuracy (%), time (h:mm:ss); with decay: the same; prediction of 1,512 images (m:ss), of one (s)
    ("ResNet50", "resnet50", "23", "78.45", "2:46:23", "78.52", "2:47:40", "3:57", "0.157"),
    ("Separable_dw", "resnet50_separable_dw", "12", "76.83", "2:27:33", "", "", "3:49", "0.151"),
    ("Separable_dw_linear", "resnet50_separable_dw_linear", "12", "77.47", "2:24:06", "", "", "3:43", "0.147"),
    ("inverted_residual", "mobilenet_v2_x1.0_224", "2.2", "77.28", "2:32:11", "77.35", "2:32:25", "3:35", "0.142"),
    ("shuffle_unit", "shufflenet_v1_x1.0_g8", "0.9", "78.25", "2:49:22", "75.24", "2:50:35", "5:58", "0.237"),
    ("shuffle_unit_without_shuffle", "shufflenet_v1_x1.0_g8_noshuffle", "0.9", "80.22", "2:46:05", "76.24", "2:47:31", "5:54", "0.234"),
)  # fmt: skip
"""Rows of the comparison: batches of 8, 100 epochs, Adadelta with a learning rate of 1."""


def _comparison() -> PaperTable:
    rows = []
    for label, network, params, accuracy, time, decayed, decayed_time, predicted, seconds in COMPARED:
        parameters, macs = counts(network)
        figures = (
            Figure(params, parameters / 1e6),
            Figure("", macs / 1e6),
            Figure(accuracy),
            Figure(minutes(time)),
            Figure(decayed),
            Figure(minutes(decayed_time) if decayed_time else ""),
            Figure(f"{seconds_of(predicted)}"),
            Figure(seconds),
        )
        rows.append(Row(label, network, figures))
    return PaperTable(
        "isic-comparison",
        "Units compared on skin lesions",
        SOURCE,
        (
            Column("parameters (M)", 3),
            Column("multiply-adds (M)"),
            Column("accuracy (%)", counted=False),
            Column("minutes of training", counted=False),
            Column("accuracy with decay 0.05 (%)", counted=False),
            Column("minutes of that training", counted=False),
            Column("seconds for 1,512 images", counted=False),
            Column("seconds an image", counted=False),
        ),
        tuple(rows),
        (
            "The README's parameters are cut, not rounded: 23 million are 23.5. Ours have 7 outputs. Its times are in hours, minutes and seconds.",
            (
                "The smallest network, of 26 times fewer parameters than ResNet-50, took longest: group convolutions and shuffles are many small steps. "
                "`mobilecnn experiment` has the trainings as recipes."
            ),
        ),
    )


TRAINED = (
    # training, network, training loss and accuracy, validation loss, validation accuracy (shares as printed), time (h:mm:ss)
    ("batch 32, rate 1", "mobilenet_v1_x1.0_224", "0.0496", "0.9844", "0.9146", "0.8437", "2:02:35"),
    ("batch 32, rate 0.1", "mobilenet_v1_x1.0_224", "0.0167", "0.9938", "0.8037", "0.8592", "2:02:24"),
    ("batch 32, rate 0.01", "mobilenet_v1_x1.0_224", "0.1524", "0.9481", "0.5204", "0.8420", "2:00:44"),
    ("batch 32, rate 0.001", "mobilenet_v1_x1.0_224", "0.5579", "0.8000", "0.6101", "0.7804", "1:59:59"),
    ("batch 16, rate 0.1", "mobilenet_v1_x1.0_224", "0.0326", "0.9896", "0.8072", "0.8539", "2:11:34"),
    ("batch 16, rate 0.01", "mobilenet_v1_x1.0_224", "0.1412", "0.9524", "0.5066", "0.8372", "2:13:38"),
    ("batch 8, rate 0.1", "mobilenet_v1_x1.0_224", "0.0488", "0.9836", "0.8756", "0.8473", "2:29:13"),
    ("alpha 0.75, batch 32, rate 0.1", "mobilenet_v1_x0.75_224", "0.0336", "0.9878", "0.7870", "0.8535", "1:59:59"),
    ("alpha 0.5, batch 32, rate 0.1", "mobilenet_v1_x0.5_224", "0.0554", "0.9798", "0.6174", "0.8488", "2:00:03"),
    ("Xavier, batch 32, rate 0.1", "mobilenet_v1_x1.0_224", "0.3441", "0.8718", "0.7564", "0.7605", "2:01:36"),
    ("ResNet, batch 8, rate 1", "resnet50", "0.3449", "0.8718", "1.1156", "0.7741", "2:47:20"),
    ("ResNet, batch 8, rate 0.01, 200 epochs", "resnet50", "0.0190", "0.9937", "1.1468", "0.8460", "5:41:32"),
    ("MobileNet V2, batch 32, rate 1", "mobilenet_v2_x1.0_224", "0.0795", "0.9733", "1.6232", "0.7831", "2:01:26"),
    ("MobileNet V2, batch 32, rate 0.1", "mobilenet_v2_x1.0_224", "0.0183", "0.9941", "1.1009", "0.8404", "2:01:06"),
    ("MobileNet V2, batch 32, rate 0.01", "mobilenet_v2_x1.0_224", "0.1427", "0.9521", "0.5747", "0.8397", "2:01:09"),
    ("ShuffleNet V1, batch 16, rate 1, 500 epochs", "shufflenet_v1_x1.0_g8", "0.4489", "0.8302", "0.6918", "0.7716", "9:59:17"),
    ("ShuffleNet V1, batch 16, rate 0.1, 200 epochs", "shufflenet_v1_x1.0_g8", "0.2473", "0.9078", "0.8477", "0.7829", "4:40:04"),
)  # fmt: skip
"""Rows of the trainings, of 100 epochs and MobileNet V1 where nothing else is said."""


def _training() -> PaperTable:
    rows = []
    for label, network, loss, accuracy, validation_loss, validation_accuracy, time in TRAINED:
        printed = (loss, accuracy, validation_loss, validation_accuracy, minutes(time))
        parameters, _ = counts(network)
        rows.append(Row(label, network, (*map(Figure, printed), Figure("", parameters / 1e6))))
    return PaperTable(
        "isic-training",
        "Trainings by batch and learning rate",
        SOURCE,
        (
            *(
                Column(heading, counted=False)
                for heading in (
                    "training loss",
                    "training accuracy",
                    "validation loss",
                    "validation accuracy",
                    "minutes",
                )
            ),
            Column("parameters (M)", 3),
        ),
        tuple(rows),
        ("100 epochs, and MobileNet V1, where nothing else is said. Parameters are ours, with 7 outputs.",),
    )


TABLES: dict[str, Callable[[], PaperTable]] = {"isic-comparison": _comparison, "isic-training": _training}
"""Name -> function that fills the table in."""
