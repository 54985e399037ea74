package org.mobilecnn.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;
import static org.junit.Assert.fail;

import com.eclipsesource.json.Json;
import com.eclipsesource.json.JsonObject;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.Test;

/** The benchmark's protocol. Python reads the same benchmark_lines.txt. */
public final class BenchmarkTest {
    private static final String HASH = new String(new char[64]).replace('\0', 'a');

    /** A clock that a run advances by 1,000,001 ns, and any other reading by 7 ns. */
    private static final class Scripted implements Benchmark.Machine, Benchmark.Inference {
        private long now;
        private int ran;
        private int leavesAfter = Integer.MAX_VALUE;

        @Override
        public void run() {
            ran++;
            now += 1_000_001 - 7;
        }

        @Override
        public Long nativeNanos() {
            return 999_000L + ran;
        }

        @Override
        public long nanos() {
            now += 7;
            return now;
        }

        @Override
        public Map<String, Integer> frequenciesKhz() {
            return Collections.singletonMap("cpu0", 1_800_000);
        }

        @Override
        public Map<String, Double> temperaturesC() {
            return Collections.singletonMap("battery", 31.5);
        }

        @Override
        public String thermalStatus() {
            return ran < 100 ? "none" : "light";
        }

        @Override
        public boolean leftFront() {
            return ran >= leavesAfter;
        }

        @Override
        public Long peakRssBytes() {
            return 123_456_789L;
        }

        @Override
        public Long rssBytes() {
            return 100_000_000L;
        }
    }

    private static BenchmarkRequest request(int runs) throws Problem {
        return new BenchmarkRequest("run-7", "digits.int8.tflite", HASH, 5, runs, 4, true);
    }

    private static AnswerCheck verified() throws Exception {
        for (JsonObject vector : Vectors.of("judged")) {
            AnswerCheck check = Vectors.judge(vector);
            if (check.verdict == AnswerCheck.Verdict.VERIFIED) {
                return check;
            }
        }
        throw new AssertionError("no verified vector");
    }

    @Test
    public void theLinesAreThoseThatPythonReads() throws Exception {
        Scripted scripted = new Scripted();
        JsonObject document =
                Benchmark.time(request(500), scripted, scripted, 12_345_678, scripted.rssBytes(), "2.16.1");
        document.add("answers", Benchmark.answers(verified()));
        assertEquals(1 + 5 + 500, scripted.ran);
        List<String> lines = Benchmark.lines("run-7", document, 0);
        List<String> expected = new ArrayList<>();
        try (BufferedReader reader = new BufferedReader(new InputStreamReader(
                BenchmarkTest.class.getResourceAsStream("/benchmark_lines.txt"), StandardCharsets.UTF_8))) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                expected.add(line);
            }
        }
        assertEquals(String.join("\n", expected), String.join("\n", lines));
    }

    @Test
    public void everyLineFitsIntoTheLogAndThePartsAreTheDocument() throws Exception {
        JsonObject document = new JsonObject().add("name", new String(new char[5000]).replace('\0', '象'));
        List<String> lines = Benchmark.lines("a", document, 3);
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < lines.size() - 1; i++) {
            assertTrue(lines.get(i).getBytes(StandardCharsets.UTF_8).length < 4000);
            String head = "MOBILECNN a " + (i + 1) + "/" + (lines.size() - 1) + " ";
            assertTrue(lines.get(i), lines.get(i).startsWith(head));
            text.append(lines.get(i).substring(head.length()));
        }
        assertEquals(document, Json.parse(text.toString()));
        assertEquals("MOBILECNN_DONE a 3", lines.get(lines.size() - 1));
    }

    @Test
    public void aRuntimeWithoutNativeDurationsSaysNull() throws Exception {
        final Scripted scripted = new Scripted();
        Benchmark.Inference silent = new Benchmark.Inference() {
            @Override
            public void run() {
                scripted.run();
            }

            @Override
            public Long nativeNanos() {
                return null;
            }
        };
        JsonObject document = Benchmark.time(request(3), silent, scripted, 1, null, "2.16.1");
        assertTrue(document.get("native_ns").isNull());
        assertTrue(document.get("run").asObject().get("baseline_rss_bytes").isNull());
    }

    /** Whenever the app leaves the front, before or during the timed part, there are no figures. */
    @Test
    public void anAppThatLeavesTheFrontHasNoFigures() throws Exception {
        for (int inferences : new int[] {0, 1, 3, 6, 8, 9}) {
            Scripted scripted = new Scripted();
            scripted.leavesAfter = inferences;
            try {
                Benchmark.time(request(3), scripted, scripted, 1, null, "2.16.1");
            } catch (Problem problem) {
                assertEquals(Problem.ENVIRONMENT, problem.kind);
                assertTrue(problem.getMessage().startsWith("the app was not in front all the time"));
                assertEquals(inferences, scripted.ran);
                continue;
            }
            fail("figures of an app that left after " + inferences + " inferences");
        }
    }

    @Test
    public void aFailureIsAnErrorOfTheCommandLine() {
        Problem problem = new Problem(Problem.MODEL_FILE, "it is damaged");
        JsonObject document = Benchmark.failure("a", problem);
        assertEquals("ModelFileError", document.get("error").asString());
        assertEquals("it is damaged", document.get("message").asString());
        assertEquals(2, Benchmark.exitCode(problem));
        assertEquals(3, Benchmark.exitCode(new Problem(Problem.ENVIRONMENT, "")));
    }

    @Test
    public void argumentsThatAreMissingOrOutOfRangeAreNamed() {
        refused("run_id", "a b", "a.tflite", HASH, 5, 50, 4);
        refused("run_id", null, "a.tflite", HASH, 5, 50, 4);
        refused("run_id", new String(new char[65]).replace('\0', 'a'), "a.tflite", HASH, 5, 50, 4);
        refused("model", "a", null, HASH, 5, 50, 4);
        refused("model", "a", "a.json", HASH, 5, 50, 4);
        refused("model", "a", "../a.tflite", HASH, 5, 50, 4);
        refused("model", "a", "/data/data/other/a.tflite", HASH, 5, 50, 4);
        refused("model", "a", "/data/local/tmp/../../a.tflite", HASH, 5, 50, 4);
        refused("sha256", "a", "a.tflite", "A", 5, 50, 4);
        refused("warmup", "a", "a.tflite", HASH, -1, 50, 4);
        refused("runs", "a", "a.tflite", HASH, 5, 0, 4);
        refused("threads", "a", "a.tflite", HASH, 5, 50, 0);
    }

    @Test
    public void aModelIsBundledOrPushed() throws Exception {
        assertFalse(request(1).pushed());
        assertTrue(new BenchmarkRequest("a", "/data/local/tmp/x/a.tflite", HASH, 0, 1, 1, false).pushed());
    }

    private static void refused(
            String name, String runId, String model, String sha256, int warmup, int runs, int threads) {
        try {
            new BenchmarkRequest(runId, model, sha256, warmup, runs, threads, true);
        } catch (Problem problem) {
            assertEquals(Problem.USAGE, problem.kind);
            assertTrue(problem.getMessage(), problem.getMessage().startsWith("the extra " + name + " must be"));
            return;
        }
        fail("not refused: " + name);
    }
}
