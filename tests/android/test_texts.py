"""What the app's screens say: on tablets no word of a phone, and no text that nothing shows."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from sample_app import ROOT

MAIN = ROOT / "android_demo/app/src/main"
SKIN = ROOT / "android_demo/app-compose/src/main"


def texts(path: Path) -> dict[str, str]:
    """Every text of a file of resources by name; of plurals and lists all items in one."""
    return {one.get("name", ""): " ".join(one.itertext()) for one in ElementTree.parse(path).getroot()}


@pytest.mark.parametrize("skin", [MAIN, SKIN], ids=["app", "app-compose"])
def test_a_tablet_is_called_a_device(skin: Path) -> None:
    everywhere, tablets = (
        texts(skin / "res" / folder / "strings.xml") for folder in ("values", "values-sw600dp")
    )
    of_phones = {name: text for name, text in everywhere.items() if re.search(r"\bphones?\b", text)}
    assert tablets == {name: text.replace("phone", "device") for name, text in of_phones.items()}


def test_every_text_is_shown() -> None:
    code = "".join(path.read_text() for path in (MAIN / "java").rglob("*.java"))
    layouts = "".join(path.read_text() for path in MAIN.rglob("*.xml"))
    used = set(re.findall(r"R\.(?:string|plurals|array)\.(\w+)", code))
    used |= set(re.findall(r"@string/(\w+)", layouts))
    assert texts(MAIN / "res/values/strings.xml").keys() == used
