"""``mobilecnn android``."""

from pathlib import Path

import click

from mobilecnn.cli import options
from mobilecnn.cli.output import data, document, json_option, kilobytes, table, talk

NEXT = """\
Next, with Android Studio: open {app} and press Run.
Without it (JDK 17, the Android SDK and Gradle 8.7 or newer installed), a phone connected:
  cd {app}
  gradle wrapper
  ./gradlew :app:installDebug
  adb shell am start -n org.mobilecnn.demo/.MainActivity
To only build and inspect it here, with Maven and Debian's tools:
  python {app}/ci/build_apk.py"""


@click.command()
@click.option(
    "--model", "models", type=options.FILE, multiple=True, required=True, help="A .tflite file; repeatable."
)
@click.option(
    "--app",
    type=options.FILE,
    default=Path("android_demo"),
    show_default=True,
    help="The sample app's folder, or a copy of it.",
)
@json_option
def command(models: tuple[Path, ...], app: Path, as_json: bool) -> None:
    """Put .tflite files into the Android sample app.

    Each goes with its passport, which has the labels and what to feed it. Models
    that were in the app before leave it.
    """
    from mobilecnn.android_demo.staging import MODELS, runtime, stage

    staged = stage(models, app)
    if as_json:
        document(
            {
                "app": str(app),
                "folder": str(app / MODELS),
                "runtime": runtime(app),
                "models": [one.to_json() for one in staged],
            }
        )
        return
    rows = [
        [
            one.file,
            one.format,
            kilobytes(one.nbytes),
            str(one.labels or "-"),
            one.minimum_runtime or "unknown",
        ]
        for one in staged
    ]
    data(table(["model", "format", "size", "labels", "needs TFLite"], rows, left=2))
    data(f"in {app / MODELS}; the app ships TensorFlow Lite {runtime(app)}")
    for one in staged:
        for remark in one.remarks:
            talk(f"Warning: {one.file}: {remark}.")
    talk(NEXT.format(app=app))
