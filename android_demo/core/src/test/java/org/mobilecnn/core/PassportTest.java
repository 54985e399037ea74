package org.mobilecnn.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;
import static org.junit.Assert.fail;

import com.eclipsesource.json.Json;
import com.eclipsesource.json.JsonArray;
import com.eclipsesource.json.JsonObject;
import java.util.Arrays;
import org.junit.Test;

/** A damaged passport is refused with its name and a remedy, and never half read. */
public final class PassportTest {
    private static JsonObject good() throws Exception {
        // A copy: JsonObject can be changed.
        return Json.parse(Vectors.of("judged").get(4).get("passport").toString()).asObject();
    }

    @Test
    public void aPassportSaysWhatToFeed() throws Exception {
        Passport passport = Passport.parse("a.int8.json", good().toString());
        assertEquals("int8", passport.format);
        assertEquals("a.int8.tflite", passport.file);
        assertEquals(2, passport.contract.height);
        assertEquals("int8 [1, 2, 2, 3], scale 0.00390625, zero point -128", passport.input.toString());
        assertEquals("Käfer", passport.label(1));
        assertEquals("2.3.0", passport.minimumRuntime);
        assertEquals(2, passport.golden.size());
        assertTrue(Double.isNaN(passport.tolerance));
        assertEquals("2026-01-01T00:00:00+00:00", passport.created);
        assertEquals("0", passport.tools.get("mobilecnn"));
        assertEquals("a.keras", passport.model);
        assertEquals("int8", passport.io);
        assertEquals("digits", passport.calibration);
        assertEquals(Integer.valueOf(2), passport.operators.get("CONV_2D 3"));
        assertEquals("2 operators have another version", passport.lowering.get("stamp_versions").get(0));
    }

    @Test
    public void versionOneSaysNothingOfPasses() throws Exception {
        JsonObject old = good().set("version", 1).remove("lowering");
        assertTrue(Passport.parse("a", old.toString()).lowering.isEmpty());
    }

    @Test
    public void olderVersionsSayNothingOfTheKindOfScores() throws Exception {
        JsonObject old = good().set("version", 2);
        old.get("output").asObject().remove("kind");
        assertEquals(OutputKind.UNKNOWN, Passport.parse("a", old.toString()).kind);
        assertEquals(OutputKind.SOFTMAX, Passport.parse("a", good().toString()).kind);
    }

    @Test
    public void oneOutputHasTwoLabels() throws Exception {
        JsonObject document = good().set("labels", Json.array("cat", "dog")).set("golden", new JsonArray());
        JsonObject output = document.get("output").asObject().set("kind", "sigmoid-binary");
        output.get("tensor").asObject().set("shape", Json.array(1, 1));
        Passport passport = Passport.parse("a", document.toString());
        assertEquals("cat", passport.label(0));
        assertEquals("dog", passport.scored(0));
        refused(document.set("labels", Json.array("dog")), "has 1 labels for 2 outputs");
    }

    @Test
    public void withoutLabelsClassesHaveNumbers() throws Exception {
        Passport passport = Passport.parse("a", good().set("labels", Json.array(new int[0])).toString());
        assertEquals("class 2", passport.label(2));
    }

    @Test
    public void whatIsMissingIsNamed() throws Exception {
        for (String member : good().names()) {
            if (isRead(member)) {
                refused(good().remove(member), "a.json is damaged (it has no " + member + "); export");
            }
        }
    }

    @Test
    public void whatIsOfAnotherTypeIsRefused() throws Exception {
        for (String member : good().names()) {
            if (isRead(member)) {
                refused(good().set(member, 1.5), "a.json is damaged");
            }
        }
    }

    @Test
    public void whatContradictsItselfIsRefused() throws Exception {
        refused(good().set("labels", Json.array("one", "two")), "has 2 labels for 3 outputs; export");
        refused(changed("input", "contract", "height", "3"), "an input of 12 values and pictures of 18");
        refused(changed("input", "contract", "color", "\"cmyk\""), "contradicts itself; export");
        refused(changed("input", "contract", "resize", "\"crop\""), "contradicts itself; export");
        refused(changed("input", "contract", "std", "[1, 0, 1]"), "divides by zero");
        refused(changedKind("probabilities"), "does not say what its output is");
        refused(changedKind("sigmoid-binary"), "does not say what its output is");
        refused(changed("input", "contract", "std", "[1, 1e9, 1]"), "a mean or std of 1.0E9");
        refused(changed("input", "contract", "std", "[1, 1e-9, 1]"), "a mean or std of");
        refused(changed("input", "contract", "mean", "[1e9, 1, 1]"), "a mean or std of 1.0E9");
        refused(changed("input", "contract", "mean", "[1e400, 1, 1]"), "a number that is not finite");
        refused(changed("input", "contract", "width", "2000000000"), "contradicts itself");
        refused(changed("output", "tensor", "quantization", "{\"scale\": 1e999, \"zero_point\": 0}"), "not finite");
        refused(changed("input", "tensor", "dtype", "\"int16\""), "a tensor of type int16");
        refused(changed("input", "tensor", "quantization", "null"), "without a scale");
    }

    @Test
    public void otherVersionsAndOtherFilesAreNamed() throws Exception {
        refused(good().set("version", 0), "version 0; this app reads 1 to 3");
        refused(good().set("version", 4), "version 4; this app reads 1 to 3");
        refused(good().set("schema", "theirs"), "is not a passport");
        refusedText("{", "a.json is damaged");
        refusedText("", "a.json is damaged");
        refusedText("[]", "a.json is damaged");
        refusedText(new String(new char[100_000]).replace('\0', '['), "a.json is damaged");
    }

    /**
     * Whether the app reads a member: the schema is told in other words, and neither the images of training and of
     * the labelled check, nor the verdict and the findings, nor the rewrites that an export took back, what they gained,
     * its corrections and its ladder say anything to it.
     */
    private static boolean isRead(String member) {
        return !Arrays.asList("schema", "labelled", "taken_back", "training", "verdict", "findings", "corrections", "ladder",
                "gains").contains(member);
    }

    private static JsonObject changed(String first, String second, String member, String value) throws Exception {
        JsonObject document = good();
        document.get(first).asObject().get(second).asObject().set(member, Json.parse(value));
        return document;
    }

    private static JsonObject changedKind(String kind) throws Exception {
        JsonObject document = good();
        document.get("output").asObject().set("kind", kind);
        return document;
    }

    private static void refused(JsonObject document, String words) {
        refusedText(document.toString(), words);
    }

    private static void refusedText(String text, String words) {
        try {
            Passport.parse("a.json", text);
        } catch (Problem problem) {
            assertEquals(Problem.MODEL_FILE, problem.kind);
            assertTrue(problem.getMessage(), problem.getMessage().contains(words));
            return;
        }
        fail("not refused: " + words);
    }
}
