package org.mobilecnn.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import com.eclipsesource.json.Json;
import com.eclipsesource.json.JsonArray;
import com.eclipsesource.json.JsonObject;
import java.util.List;
import org.junit.Test;

/** The measurement of the app's own benchmark: its comparison, and its readings. A test in Python reads a whole one. */
public final class TimingRecordTest {
    private static JsonObject model(String file, String format, String verdict) {
        return new JsonObject().add("file", file).add("passport", new JsonObject().add("format", format))
                .add("answers", new JsonObject().add("verdict", verdict));
    }

    private static JsonObject run(int model, long... samples) {
        JsonArray array = new JsonArray();
        for (long sample : samples) {
            array.add(sample);
        }
        return new JsonObject().add("model", model).add("samples_ns", array);
    }

    @Test
    public void theFormatsOfANetworkStandTogetherTheFastestFirst() {
        JsonArray models = new JsonArray().add(model("b.float32.tflite", "float32", "verified"))
                .add(model("a.tflite", "float32", "not checked")).add(model("b.int8.tflite", "int8", "differs"));
        JsonArray runs = new JsonArray()
                .add(run(0, 9_000_000, 8_000_000, 100_000_000)).add(run(1, 1_000_000)).add(run(2, 3_000_000))
                .add(run(0, 7_000_000)).add(run(1, 1_500_000)).add(run(2, 2_000_000))
                .add(run(0, 8_000_000)).add(run(1, 1_100_000)).add(run(2, 4_000_000));
        List<TimingRecord.Line> lines =
                TimingRecord.lines(new JsonObject().add("models", models).add("runs", runs));
        String[] wanted = {"a float32 1.1 1.0 1.5 not checked", "b int8 3.0 2.0 4.0 differs",
            "b float32 8.0 7.0 9.0 verified"};
        assertEquals(wanted.length, lines.size());
        for (int i = 0; i < wanted.length; i++) {
            TimingRecord.Line line = lines.get(i);
            assertEquals(wanted[i], line.network + " " + line.format + " " + line.milliseconds + " " + line.fastest
                    + " " + line.slowest + " " + line.verdict);
        }
    }

    /** The highest resident memory is the process's, and all models share one. */
    @Test
    public void aRunHasNoMemory() {
        JsonObject reading = new JsonObject();
        JsonObject timed = new JsonObject()
                .add("thermal_status", new JsonObject().add("before", Json.NULL).add("after", Json.NULL))
                .add("run", new JsonObject().add("baseline_rss_bytes", 40 << 20).add("peak_rss_bytes", 90 << 20)
                        .add("before", reading).add("after", reading));
        JsonObject run = TimingRecord.run(timed, 0, 0, 0, null);
        assertEquals(Json.NULL, run.get("baseline_rss_bytes"));
        assertEquals(Json.NULL, run.get("peak_rss_bytes"));
    }

    @Test
    public void aReadingSaysWhatTheAppWasTold() {
        JsonObject reading = new JsonObject().add("probe_ns", new JsonArray().add(7));
        JsonObject timed = new JsonObject()
                .add("thermal_status", new JsonObject().add("before", "none").add("after", "moderate"))
                .add("run", new JsonObject().add("first_ns", 5).add("before", reading).add("after", reading));
        JsonObject run = TimingRecord.run(timed, 1, 2, 3, null);
        assertEquals(Json.value(0), run.get("before").asObject().get("thermal_status"));
        assertEquals(Json.value(2), run.get("after").asObject().get("thermal_status"));
        assertEquals(new JsonArray().add(7), run.get("after").asObject().get("probe_ns"));
        assertTrue(run.get("after").asObject().get("on_battery").isNull());
        assertEquals(5, run.get("first_ns").asInt());
        assertEquals(3, run.get("model").asInt());
        timed.set("thermal_status", new JsonObject().add("before", Json.NULL).add("after", Json.NULL));
        JsonObject old = TimingRecord.run(timed, 1, 2, 3, null);
        assertTrue("before Android 10", old.get("before").asObject().get("thermal_status").isNull());
    }
}
