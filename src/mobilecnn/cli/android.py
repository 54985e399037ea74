"""``mobilecnn android``."""

from pathlib import Path

import click

from mobilecnn.cli import options, sections, suggestions
from mobilecnn.cli.output import data, document, json_option, kilobytes, table, talk
from mobilecnn.cli.terminal import Lines, joined, typed

BUILD = """\
Next, with Android Studio: open {app} and press Run.
Without it (JDK 17, the Android SDK and Gradle 8.11.1 or newer installed), a phone connected:
  cd {app}
  gradle wrapper
  ./gradlew :app:installDebug
  adb shell am start -n {component}
Or build it (./gradlew :app:assembleDebug), and give the same command with --install.
To only build and inspect it here, with Maven and Debian's tools:
  python {app}/ci/build_apk.py"""

INSTALL = """\
Next: {apk} has exactly these models. To put it on a phone, give the same command with --install, or:
  adb install -r {apk}
  adb shell am start -n {component}"""


@sections.command()
@click.option(
    "--model",
    "models",
    type=options.FILE,
    multiple=True,
    required=True,
    help="Put this .tflite file into the app. May be repeated.",
)
@click.option(
    "--app",
    type=options.FILE,
    default=Path("android_demo"),
    show_default=True,
    help="Use the sample app in this folder, or a copy of it.",
)
@click.option(
    "--init",
    "folder",
    type=options.FILE,
    help="Make this new folder an app of your own: a renamed copy of the sample app, with these models.",
)
@click.option(
    "--id", "application", help="Give the app of --init this application id, such as com.example.lesions."
)
@click.option("--name", help="Give the app of --init this name, as people see it.")
@click.option(
    "--install", is_flag=True, help="Install the build with these models on a connected phone, and start it."
)
@click.option(
    "--apk",
    type=options.FILE,
    help="Install this build.  [default: the newest that Gradle or ci/build_apk.py left in the app's folder]",
)
@click.option(
    "--device",
    type=suggestions.WRITTEN,
    help="Install on this phone, by its name in `mobilecnn devices`.  [default: the only one connected]",
)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    models: tuple[Path, ...],
    app: Path,
    folder: Path | None,
    application: str | None,
    name: str | None,
    install: bool,
    apk: Path | None,
    device: str | None,
    as_json: bool,
) -> None:
    """Put .tflite files into the Android sample app.

    Each file is copied with its passport, which has the labels and the input contract.
    Models that were in the app before are removed.

    With --init, --id and --name, a new folder gets a copy of the sample app under that
    name, with the models: a Gradle project that Android Studio opens.

    With --install, a build with exactly these models is installed on a connected phone
    and started. The command builds nothing; without such a build it says what to run.

    \b
    Example:
      mobilecnn android --model out/digits.int8.tflite
      mobilecnn android --model out/digits.int8.tflite --install
      mobilecnn android --init lesions --id com.example.lesions --name "Lesions" --model out/mine.int8.tflite
    """
    from mobilecnn.android_demo import copying, installing
    from mobilecnn.android_demo.staging import MODELS, runtime, stage
    from mobilecnn.errors import InputError, UsageError

    if device is not None and not install:
        raise UsageError("--device names the phone to install on; give --install too")
    remarks: list[str] = []
    if folder is None:
        options.refuse(ctx, ("application", "name"), "names a new copy of the app; give --init FOLDER too")
        component = installing.component(app)
        staged = stage(models, app)
    else:
        options.refuse(
            ctx, ("app", "install", "apk"), "is for an app that exists; leave it out, or leave out --init"
        )
        if application is None or name is None:
            raise UsageError("--init needs the new app's --id, like com.example.lesions, and its --name")
        app, staged = folder, copying.copy(folder, application, name, models)
        component, remarks = installing.component(app), copying.remarks(application)
    build, step, lacking = None, _step(BUILD, app=typed([app]), component=component), ""
    try:
        build = installing.find(app, apk)
    except InputError as error:
        if apk is not None:
            raise
        lacking = str(error)
    if build is not None:
        step = _step(INSTALL, apk=typed([build.path]), component=component)
        if build.newer is not None:
            talk(
                f"Warning: {build.newer} is newer than {build.path}; build again to have the change in the app."
            )
    if install:
        if build is None:
            talk(step)
            raise InputError(
                f"the models are in {app}, and not on a phone: {lacking}. Build the app as above, and give the same "
                "command again"
            )
        name, serial = installing.serial_of(device)
        talk(f"Installing {build.path} on {name}.")
        installing.install(build, app, name, serial)
        step = joined(f"Installed on {name}, and started.")
    if as_json:
        document(
            {
                "app": str(app),
                "folder": str(app / MODELS),
                "runtime": runtime(app),
                "models": [model.to_json() for model in staged],
                "build": None if build is None else str(build.path),
                "installed": install,
            }
        )
        return
    rows = [
        [
            model.file,
            model.format,
            kilobytes(model.nbytes),
            str(model.labels or "-"),
            model.minimum_runtime or "unknown",
        ]
        for model in staged
    ]
    data(table(["model", "format", "size", "labels", "needs TFLite"], rows, left=2, spare=("labels", "size")))
    data(f"in {app / MODELS}; they run on TensorFlow Lite {runtime(app)} and newer")
    for remark in remarks:
        talk(f"Warning: {remark}.")
    for model in staged:
        for remark in model.remarks:
            talk(f"Warning: {model.file}: {remark}.")
    talk(step)


def _step(text: str, **values: str) -> Lines:
    """One of the texts above, with names put in, each of which stays in its line."""
    return joined(*(line.format(**values) for line in text.splitlines()))
