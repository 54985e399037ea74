"""Recipes: which rules an operator falls under, files of rules, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from litert_quantizer.qtyping import TFLOperationName
from litert_quantizer.recipe_manager import RecipeManager
from tflite_files import Made

from mobilecnn import records
from mobilecnn.cli import cli
from mobilecnn.errors import InputError, UsageError
from mobilecnn.quantize import formats, recipes, rules
from mobilecnn.quantize.formats import NORMALIZATION
from mobilecnn.quantize.recipes import MOST_RULES, Recipe
from mobilecnn.quantize.rules import LAYER_NORM, Rule, entries, for_graph, normalizes

INT8 = formats.named("int8")


def test_what_may_be_left_out_of_a_rule_is_marked_as_in_other_records() -> None:
    assert rules.ADDED == records.ADDED


def test_the_kinds_are_those_of_the_quantizer() -> None:
    known = {str(name.value) for name in TFLOperationName} - {"*", "CUSTOM_OP", "STABLEHLO_COMPOSITE"}
    known -= {"DYNAMIC_UPDATE_SLICE"}  # Of language models.
    assert {"CONV_2D_TRANSPOSE" if kind == "TRANSPOSE_CONV" else kind for kind in rules.KINDS} == known


@pytest.mark.parametrize("name", [row.name for row in formats.FORMATS if row.rules])
def test_the_quantizer_takes_the_rules_of_every_format(name: str) -> None:
    manager = RecipeManager()
    for io in formats.io_types():
        manager.load_quantization_recipe(entries(formats.named(name).rules_for(io)))


def algorithm(given: tuple[Rule, ...], kind: str, name: str) -> str:
    """What the quantizer does with the operator of that name."""
    manager = RecipeManager()
    manager.load_quantization_recipe(entries(given))
    found, config = manager.get_quantization_configs(TFLOperationName(kind), f"{name};")
    if found == "no_quantize":
        return "float32"
    return "int8" if config.activation_tensor_config else "weights"


EVERYTHING = Rule(precision="int8")
CASES: list[tuple[tuple[Rule, ...], str, str, str]] = [
    ((EVERYTHING,), "CONV_2D", "conv1", "int8"),
    ((Rule(operators=("ADD",)),), "CONV_2D", "conv1", "float32"),
    ((EVERYTHING, Rule("conv1", precision="float32")), "CONV_2D", "conv1", "float32"),
    ((EVERYTHING, Rule("conv1", precision="float32")), "CONV_2D", "conv10", "int8"),
    ((EVERYTHING, Rule("*conv1", precision="float32")), "CONV_2D", "net/conv1", "float32"),
    ((EVERYTHING, Rule("conv[12]", precision="float32")), "CONV_2D", "conv2", "float32"),
    ((EVERYTHING, Rule("conv.", precision="float32")), "CONV_2D", "conv2", "int8"),
    ((EVERYTHING, Rule("*", ("ADD", "MUL"), "float32")), "MUL", "gate", "float32"),
    ((EVERYTHING, Rule("*", ("ADD",), "float32")), "CONV_2D", "conv1", "int8"),
    # Later rules win, whatever patterns they share with earlier ones.
    ((Rule("conv1", precision="float32"), EVERYTHING), "CONV_2D", "conv1", "int8"),
    ((EVERYTHING, Rule("conv*", precision="float32"), EVERYTHING), "CONV_2D", "conv1", "int8"),
    ((EVERYTHING, Rule("conv*", precision="float32"), Rule("conv1")), "CONV_2D", "conv1", "int8"),
    ((EVERYTHING, Rule("*", ("CONV_2D",), "int8-weights")), "CONV_2D", "conv1", "weights"),
    ((Rule("*", ("TRANSPOSE_CONV",), "float32"), EVERYTHING), "CONV_2D_TRANSPOSE", "up", "int8"),
    ((EVERYTHING, Rule("*", ("TRANSPOSE_CONV",), "float32")), "CONV_2D_TRANSPOSE", "up", "float32"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "kind", "name", "wanted"), CASES)
def test_the_last_rule_that_covers_an_operator_wins(
    given: tuple[Rule, ...], kind: str, name: str, wanted: str
) -> None:
    assert algorithm(given, kind, name) == wanted


def graph(*kinds: str) -> Any:
    made = Made()
    for kind in kinds:
        made.add(kind, made.last)
    return made.graph()


def test_only_graphs_that_normalize_keep_normalization_in_float() -> None:
    assert normalizes(graph("RELU", "RSQRT")) and not normalizes(graph("RELU"))
    plain, normed = for_graph(INT8.rules, graph("RELU")), for_graph(INT8.rules, graph("RSQRT"))
    assert plain == INT8.rules[:1]
    assert normed == INT8.rules and normed[1].operators == NORMALIZATION and normed[1].graphs == LAYER_NORM
    constant = Made()
    constant.add("RSQRT", constant.constant([2.0]))
    assert not normalizes(constant.graph())


def test_a_pattern_that_no_operator_has_is_refused_with_names_that_some_have() -> None:
    with pytest.raises(
        UsageError, match=r"no operator is called 'conv\*'; some are called t1, t2: give a pattern"
    ):
        for_graph((EVERYTHING, Rule("conv*", precision="float32")), graph("RELU", "RELU"))
    with pytest.raises(UsageError, match="no operator is called 't1' and is one of ADD, MUL"):
        for_graph((Rule("t1", ("ADD", "MUL")),), graph("RELU"))
    assert len(for_graph((Rule("t*", ("RELU",)),), graph("RELU"))) == 1


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an operator": ({"operators": ["CONV_3D"]}, "'CONV_3D', which is none of ADD, "),
    "the star among others": ({"operators": ["*", "ADD"]}, r"operators has '\*', which is none of"),
    "no operator": ({"operators": []}, r"names none; '\*' stands for all"),
    "a precision": ({"precision": "int4"}, "precision has 'int4', which is none of float32, float16"),
    "an algorithm": ({"algorithm": "magic"}, "algorithm has 'magic', which is none of min_max, mse, octav"),
    "scales": ({"scales": "row"}, "scales has 'row', which is none of channel, tensor"),
    "graphs": ({"graphs": "cnn"}, r"graphs has 'cnn', which is none of \*, layer-norm"),
    "no pattern": ({"layers": ""}, "layers must have 1 to 1000 characters"),
    "a long pattern": ({"layers": "*a" * 501}, "layers must have 1 to 1000 characters"),
    "uint8 inside": ({"precision": "uint8"}, "uint8 is for the operators INPUT and OUTPUT only"),
    "float16 with an algorithm": (
        {"precision": "float16", "algorithm": "mse"},
        "no scales that an algorithm",
    ),
    "an unknown member": ({"layer": "conv"}, "'rules.0..layer' is not known here"),
    "a number": ({"layers": 3}, "layers must be a text"),
    "one operator as a text": ({"operators": "ADD"}, "operators must be a list"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_rule_is_refused_by_name(tmp_path: Path, name: str) -> None:
    change, words = REFUSED[name]
    document = Recipe("int8", (EVERYTHING,)).to_json()
    document["rules"] = [EVERYTHING.to_json() | change]
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match=words) as refusal:
        Recipe.read(path)
    assert str(refusal.value).startswith(f"{path}: ") and "rules[0]" in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "int4"}, "unknown format 'int4'"),
        ({"format": "float32"}, "float32 quantizes nothing"),
        ({"rules": []}, f"rules must be 1 to {MOST_RULES}"),
        (
            {"format": "float16"},
            "would not be float16: the rules make int8; name the format int8, or give a rule of precision float16",
        ),
        ({"format": "int16x8"}, "no rule makes anything int16x8"),
        (
            {
                "format": "dynamic",
                "rules": [Rule("*", ("CONV_2D",), "dynamic").to_json(), EVERYTHING.to_json()],
            },
            "the rules make int8; name the format int8",
        ),
        (
            {"rules": [Rule(precision="float32").to_json()]},
            "all is left in float32; export --float32, or give a rule of precision int8",
        ),
        ({"rules": [Rule(operators=("INPUT",)).to_json()]}, "all is left in float32"),
        ({"bias": True}, "'bias' is not known here"),
        ({"schema": "mobilecnn.passport"}, "not a recipe"),
        ({"version": 2}, "reads 1"),
    ],
)
def test_what_is_no_recipe_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Recipe.from_json({**Recipe("int8", (EVERYTHING,)).to_json(), **change})


def test_a_rule_counts_until_a_later_one_undoes_it() -> None:
    """A mixed recipe has its name while one operator may be as the name says."""
    layer_norm = Rule("*", ("MUL", "ADD"), "float32", graphs=LAYER_NORM)
    convs, named = Rule("*", ("CONV_2D", "ADD"), "float16"), Rule("head*", precision="float16")
    assert rules.in_force((EVERYTHING, layer_norm, convs)) == (EVERYTHING, layer_norm, convs)
    assert rules.in_force((convs, named, EVERYTHING)) == (EVERYTHING,)
    assert rules.in_force((Rule("*", ("ADD",), "dynamic"), Rule("*", ("MUL",)), convs)) == (
        Rule("*", ("MUL",)),
        convs,
    )
    assert rules.in_force((convs, layer_norm, Rule("conv*"))) == (convs, layer_norm, Rule("conv*"))
    assert Recipe("float16", (EVERYTHING, named)).format == "float16"


def test_a_shown_recipe_is_read_as_what_was_shown(tmp_path: Path) -> None:
    arguments = [
        "export",
        "any.keras",
        "--int8",
        "--io",
        "float32",
        "--keep-float",
        "*head*",
        "--show-recipe",
    ]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    path = tmp_path / "recipe.json"
    path.write_text(done.stdout)
    recipe = Recipe.read(path)
    ends = Rule(operators=("INPUT", "OUTPUT"), precision="float32")
    assert recipe.rules == (*INT8.rules, Rule("*head*", precision="float32"), ends)
    assert recipes.rows([], recipe=recipe)[0].rules == recipe.rules
    # A rule that the file leaves out has its usual value.
    document = json.loads(done.stdout)
    document["rules"] = [{"layers": "*", "operators": ["*"], "precision": "int8"}]
    assert Recipe.from_json(document).rules == (EVERYTHING,)


@pytest.mark.parametrize("wanted", [[], ["--float32"], ["--int8", "--dynamic"], ["--all"]])
def test_one_recipe_is_shown(wanted: list[str]) -> None:
    done = CliRunner().invoke(cli, ["export", "any.keras", *wanted, "--show-recipe"])
    assert (
        done.exit_code == 2
        and "--show-recipe shows the recipe of one format; give one of --float16" in done.stderr
    )


def test_rules_of_the_user_come_after_the_formats() -> None:
    float32, int8 = recipes.rows(["float32", "int8"], ["conv1", "*head*"])
    assert float32.rules == ()
    assert int8.rules == (
        *INT8.rules,
        Rule("conv1", precision="float32"),
        Rule("*head*", precision="float32"),
    )
    assert int8.rules_for("float32")[-1].operators == ("INPUT", "OUTPUT")
    assert int8.needs_calibration and int8.quantizes
    own = recipes.rows(["float32"], recipe=Recipe("dynamic", (Rule("*", ("CONV_2D",), "dynamic"),)))
    assert [row.name for row in own] == ["float32", "dynamic"]
    assert not own[1].needs_calibration and own[1].quantizes
    with pytest.raises(UsageError, match=r"--keep-float conv1 \*: no rule makes anything int8"):
        recipes.shown(["int8"], None, ["conv1", "*"])
    with pytest.raises(UsageError, match="--keep-float: layers must have 1 to"):
        recipes.rows(["int8"], [""])
