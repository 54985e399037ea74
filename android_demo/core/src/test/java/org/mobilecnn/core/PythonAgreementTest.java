package org.mobilecnn.core;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import com.eclipsesource.json.JsonArray;
import com.eclipsesource.json.JsonObject;
import com.eclipsesource.json.JsonValue;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Locale;
import org.junit.Test;

/** The app computes what Python computes, bit for bit. */
public final class PythonAgreementTest {
    @Test
    public void pixelsTensorsAndCodesAreThoseOfPython() throws Exception {
        for (JsonObject vector : Vectors.of("pictures")) {
            InputContract contract = Vectors.contract(vector.get("contract").asObject());
            Picture picture = Vectors.picture(
                    vector.get("width").asInt(), vector.get("height").asInt(), Vectors.bytes(vector.get("rgba")), 1);
            byte[] pixels = new Resize(contract).toPixels(picture);
            assertArrayEquals(vector.toString(), Vectors.bytes(vector.get("pixels")), pixels);
            float[] tensor = new float[contract.elements()];
            contract.tensor(pixels, tensor);
            assertArrayEquals(vector.toString(), Vectors.floats(vector.get("tensor")), tensor, 0.0f);
            int[] shape = {1, contract.height, contract.width, contract.channels};
            TensorSpec spec =
                    new TensorSpec("int8", shape, vector.get("scale").asFloat(), vector.get("zero_point").asInt());
            assertArrayEquals(vector.toString(), Vectors.bytes(vector.get("codes")), encoded(spec, tensor));
        }
    }

    @Test
    public void orientationsAreThoseOfPython() throws Exception {
        for (JsonObject vector : Vectors.of("orientations")) {
            Picture picture = Vectors.picture(
                    vector.get("width").asInt(), vector.get("height").asInt(), Vectors.bytes(vector.get("rgba")),
                    vector.get("orientation").asInt());
            byte[] upright = new Resize(picture.height(), picture.width(), 3).toPixels(picture);
            assertArrayEquals(vector.toString(), Vectors.bytes(vector.get("pixels")), upright);
        }
    }

    @Test
    public void codesAreThoseOfPython() throws Exception {
        for (JsonObject vector : Vectors.of("codes")) {
            float[] values = Vectors.floats(vector.get("values"));
            float scale = vector.get("scale").asFloat();
            int zero = vector.get("zero_point").asInt();
            TensorSpec some = new TensorSpec("int8", new int[] {1, values.length}, scale, zero);
            assertArrayEquals(Vectors.bytes(vector.get("codes")), encoded(some, values));
            TensorSpec all = new TensorSpec("int8", new int[] {1, 256}, scale, zero);
            ByteBuffer every = all.buffer();
            for (int code = -128; code < 128; code++) {
                every.put((byte) code);
            }
            assertArrayEquals(Vectors.floats(vector.get("every")), all.decode(every), 0.0f);
        }
    }

    @Test
    public void percentilesAreThoseOfPython() throws Exception {
        for (JsonObject vector : Vectors.of("samples")) {
            JsonArray array = vector.get("samples").asArray();
            long[] samples = new long[array.size()];
            for (int i = 0; i < samples.length; i++) {
                samples[i] = array.get(i).asLong();
            }
            for (JsonObject.Member expected : vector.get("percentiles").asObject()) {
                double percent = Double.parseDouble(expected.getName());
                double value = expected.getValue().asDouble();
                assertEquals(value, Statistics.percentile(samples, percent), 1e-12 * value);
            }
            assertEquals(Statistics.percentile(samples, 50), Statistics.median(samples), 0.0);
        }
    }

    @Test
    public void answersAreThoseOfPredict() throws Exception {
        for (JsonObject vector : Vectors.of("best")) {
            JsonArray expected = vector.get("best").asArray();
            OutputKind kind = OutputKind.named(vector.get("kind").asString());
            List<Ranking.Entry> best = Ranking.of(kind, Vectors.floats(vector.get("scores")), 5);
            assertEquals(vector.toString(), expected.size(), best.size());
            for (int i = 0; i < best.size(); i++) {
                JsonObject wanted = expected.get(i).asObject();
                assertEquals(vector.toString(), wanted.get("index").asInt(), best.get(i).index);
                assertEquals(wanted.get("score").asDouble(), best.get(i).score, 1e-12);
                JsonValue probability = wanted.get("probability");
                double none = Double.NaN;
                assertEquals(probability.isNull() ? none : probability.asDouble(), best.get(i).probability, 1e-12);
                assertEquals(vector.toString(), wanted.get("chosen").asBoolean(), best.get(i).chosen);
            }
        }
    }

    @Test
    public void everyKindOfPythonIsKnownHere() throws Exception {
        int known = 0;
        for (JsonObject vector : Vectors.of("kinds")) {
            OutputKind kind = OutputKind.named(vector.get("name").asString());
            assertEquals(vector.get("decision").asString(), kind.decision.name().toLowerCase(Locale.ROOT));
            assertEquals(vector.get("link").asString(), kind.link.name().toLowerCase(Locale.ROOT));
            known++;
        }
        assertEquals(known, OutputKind.values().length);
    }

    @Test
    public void whatIsNotANumberIsNoAnswer() {
        assertFalse(Ranking.finite(new float[] {0.5f, Float.NaN}));
        assertFalse(Ranking.finite(new float[] {Float.NEGATIVE_INFINITY}));
        assertTrue(Ranking.finite(new float[] {0.5f, -3.0f}));
    }

    @Test
    public void whatIsNotANumberRanksLast() {
        float nan = Float.NaN;
        assertArrayEquals(new int[] {2, 1, 0}, TopK.of(new float[] {nan, -3.0f, 0.5f}, 3));
        assertArrayEquals(new int[] {3, 0}, TopK.of(new float[] {0.25f, nan, nan, 0.5f}, 2));
        assertArrayEquals(new int[] {0, 1}, TopK.of(new float[] {nan, nan}, 2));
        assertArrayEquals(new int[] {1, 0}, TopK.of(new float[] {Float.NEGATIVE_INFINITY, Float.POSITIVE_INFINITY, nan}, 2));
    }

    @Test
    public void theVerdictOnAnswersIsThatOfTheBench() throws Exception {
        for (JsonObject vector : Vectors.of("judged")) {
            AnswerCheck check = Vectors.judge(vector);
            String verdict = check.verdict.name().toLowerCase(Locale.ROOT).replace('_', ' ');
            assertEquals(vector.toString(), vector.get("verdict").asString(), verdict);
            JsonValue tolerance = vector.get("tolerance");
            if (check.verdict != AnswerCheck.Verdict.NOT_CHECKED) {
                assertEquals(tolerance.asDouble(), check.tolerance, 1e-12);
            }
            assertEquals(check.verdict == AnswerCheck.Verdict.VERIFIED, check.reason.isEmpty());
        }
    }

    private static byte[] encoded(TensorSpec spec, float[] values) {
        ByteBuffer buffer = spec.buffer();
        spec.encode(values, buffer);
        byte[] codes = new byte[values.length];
        buffer.get(codes);
        return codes;
    }
}
