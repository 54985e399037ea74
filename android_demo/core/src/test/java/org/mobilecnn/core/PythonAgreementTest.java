package org.mobilecnn.core;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;

import com.eclipsesource.json.JsonArray;
import com.eclipsesource.json.JsonObject;
import com.eclipsesource.json.JsonValue;
import java.nio.ByteBuffer;
import java.util.Locale;
import org.junit.Test;

/** The same picture gives the same numbers as in Python: every bit of them. */
public final class PythonAgreementTest {
    @Test
    public void pixelsTensorsAndCodesAreThoseOfPython() throws Exception {
        for (JsonObject each : Vectors.of("pictures")) {
            InputContract contract = Vectors.contract(each.get("contract").asObject());
            Picture picture = Vectors.picture(
                    each.get("width").asInt(), each.get("height").asInt(), Vectors.bytes(each.get("rgba")));
            byte[] pixels = Resize.toPixels(picture, contract);
            assertArrayEquals(each.toString(), Vectors.bytes(each.get("pixels")), pixels);
            float[] tensor = contract.tensor(pixels);
            assertArrayEquals(each.toString(), Vectors.floats(each.get("tensor")), tensor, 0.0f);
            int[] shape = {1, contract.height, contract.width, contract.channels};
            TensorSpec spec =
                    new TensorSpec("int8", shape, each.get("scale").asFloat(), each.get("zero_point").asInt());
            assertArrayEquals(each.toString(), Vectors.bytes(each.get("codes")), encoded(spec, tensor));
        }
    }

    @Test
    public void orientationsAreThoseOfPython() throws Exception {
        for (JsonObject each : Vectors.of("orientations")) {
            Picture picture = new Upright(
                    Vectors.picture(each.get("width").asInt(), each.get("height").asInt(), Vectors.bytes(each.get("rgba"))),
                    each.get("orientation").asInt());
            byte[] upright = Resize.toPixels(picture, picture.height(), picture.width(), 3);
            assertArrayEquals(each.toString(), Vectors.bytes(each.get("pixels")), upright);
        }
    }

    @Test
    public void codesAreThoseOfPython() throws Exception {
        for (JsonObject each : Vectors.of("codes")) {
            float[] values = Vectors.floats(each.get("values"));
            float scale = each.get("scale").asFloat();
            int zero = each.get("zero_point").asInt();
            TensorSpec some = new TensorSpec("int8", new int[] {1, values.length}, scale, zero);
            assertArrayEquals(Vectors.bytes(each.get("codes")), encoded(some, values));
            TensorSpec all = new TensorSpec("int8", new int[] {1, 256}, scale, zero);
            ByteBuffer every = all.buffer();
            for (int code = -128; code < 128; code++) {
                every.put((byte) code);
            }
            assertArrayEquals(Vectors.floats(each.get("every")), all.decode(every), 0.0f);
        }
    }

    @Test
    public void percentilesAreThoseOfPython() throws Exception {
        for (JsonObject each : Vectors.of("samples")) {
            JsonArray array = each.get("samples").asArray();
            long[] samples = new long[array.size()];
            for (int i = 0; i < samples.length; i++) {
                samples[i] = array.get(i).asLong();
            }
            for (JsonObject.Member expected : each.get("percentiles").asObject()) {
                double percent = Double.parseDouble(expected.getName());
                double value = expected.getValue().asDouble();
                assertEquals(value, Statistics.percentile(samples, percent), 1e-12 * value);
            }
            assertEquals(Statistics.percentile(samples, 50), Statistics.median(samples), 0.0);
        }
    }

    @Test
    public void theBestClassesAreThoseOfPredict() throws Exception {
        for (JsonObject each : Vectors.of("best")) {
            JsonArray expected = each.get("best").asArray();
            int[] best = TopK.of(Vectors.floats(each.get("scores")), 5);
            assertEquals(expected.size(), best.length);
            for (int i = 0; i < best.length; i++) {
                assertEquals(expected.get(i).asInt(), best[i]);
            }
        }
    }

    @Test
    public void theVerdictOnAnswersIsThatOfTheBench() throws Exception {
        for (JsonObject each : Vectors.of("judged")) {
            AnswerCheck found = Vectors.judge(each);
            String verdict = found.verdict.name().toLowerCase(Locale.ROOT).replace('_', ' ');
            assertEquals(each.toString(), each.get("verdict").asString(), verdict);
            JsonValue tolerance = each.get("tolerance");
            if (found.verdict != AnswerCheck.Verdict.NOT_CHECKED) {
                assertEquals(tolerance.asDouble(), found.tolerance, 1e-12);
            }
            assertEquals(found.verdict == AnswerCheck.Verdict.VERIFIED, found.reason.isEmpty());
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
