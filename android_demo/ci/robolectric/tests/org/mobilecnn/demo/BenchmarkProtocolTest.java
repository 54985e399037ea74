package org.mobilecnn.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import android.content.Intent;
import android.view.WindowManager;
import com.eclipsesource.json.Json;
import com.eclipsesource.json.JsonObject;
import java.io.File;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.Test;
import org.mobilecnn.core.BenchmarkRequest;
import org.mobilecnn.core.Passport;
import org.mobilecnn.core.Picture;
import org.robolectric.Robolectric;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.shadows.ShadowLog;

/** The benchmark that {@code mobilecnn bench} starts: its answers, and what makes it fail. */
public final class BenchmarkProtocolTest extends AppTestCase {
    @Test
    public void theBenchmarkAnswersByItsProtocol() throws Exception {
        JsonObject document = benchmark(request("t-1", 2, 9), "t-1", 0);
        assertEquals(9, document.get("run").asObject().get("samples_ns").asArray().size());
        assertEquals(2, document.get("run").asObject().get("warmup_ns").asArray().size());
        assertEquals("verified", document.get("answers").asObject().get("verdict").asString());
        assertFalse(document.get("native_ns").isNull());
        File folder = RuntimeEnvironment.getApplication().getExternalFilesDir(null);
        byte[] file = Files.readAllBytes(new File(folder, "benchmark.json").toPath());
        assertEquals(document, Json.parse(new String(file, StandardCharsets.US_ASCII)));
        Files.write(Paths.get(System.getProperty("mobilecnn.output"), "benchmark.json"), file);
    }

    @Test
    public void aRefusedBenchmarkIsAnErrorWithAnEndMarker() throws Exception {
        Intent intent = new Intent().putExtra("run_id", "t-2").putExtra("model", models.get(0))
                .putExtra("sha256", new String(new char[64]).replace('\0', '0'));
        JsonObject document = benchmark(intent, "t-2", 2);
        assertEquals("ModelFileError", document.get("error").asString());
        assertTrue(document.get("message").asString().contains("is not the file that was asked for"));
        document = benchmark(new Intent().putExtra("run_id", "t-3"), "t-3", 2);
        assertEquals("UsageError", document.get("error").asString());
    }

    /** Whatever fails, and wherever: without the end marker nobody knows that it has ended. */
    @Test
    public void anyFailureHasAnEndMarker() throws Exception {
        Intent asked = request("t-6", 0, 1);
        BenchmarkRequest.Extras extras = new BenchmarkRequest.Extras() {
            @Override
            public String text(String name) {
                return asked.getStringExtra(name);
            }

            @Override
            public int number(String name, int fallback) {
                return asked.getIntExtra(name, fallback);
            }

            @Override
            public boolean flag(String name, boolean fallback) {
                return fallback;
            }
        };
        for (Throwable failure : new Throwable[] {new IllegalStateException("of a test"), new NoSuchMethodError("rewind")}) {
            BenchmarkRun.Files files = new BenchmarkRun.Files() {
                @Override
                public Passport passport(BenchmarkRequest request) {
                    throw AppTestCase.<RuntimeException>any(failure);
                }

                @Override
                public ByteBuffer model(BenchmarkRequest request) {
                    return null;
                }

                @Override
                public List<Picture> golden(Passport passport) {
                    return null;
                }
            };
            BenchmarkRun run = BenchmarkRun.of(extras, files, null);
            assertEquals("EnvironmentProblem", run.document.get("error").asString());
            String message = run.document.get("message").asString();
            assertTrue(message, message.startsWith("the app failed (" + failure + "): try again"));
            assertEquals("MOBILECNN_DONE t-6 3", run.lines().get(run.lines().size() - 1));
        }
    }

    /** Android slows what is not in front, so that such figures are of something else. */
    @Test
    public void figuresOfAnAppThatIsNotInFrontDoNotCount() throws Exception {
        ActivityController<BenchmarkActivity> controller = open(request("t-4", 0, 100_000));
        int flags = controller.get().getWindow().getAttributes().flags;
        assertTrue((flags & WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON) != 0);
        controller.pause();
        JsonObject document = answer("t-4", 3);
        assertEquals("EnvironmentProblem", document.get("error").asString());
        String message = document.get("message").asString();
        assertTrue(message, message.startsWith("the app was not in front all the time"));
    }

    /** The app may leave the front while its benchmark still waits for the screen. */
    @Test
    public void leavingBeforeTheBeginningIsNotForgotten() throws Exception {
        ActivityController<BenchmarkActivity> controller =
                Robolectric.buildActivity(BenchmarkActivity.class, request("t-5", 0, 5));
        opened.add(controller);
        controller.create().start();
        waitFor("wait for the screen", () -> {
            for (Map.Entry<Thread, StackTraceElement[]> thread : Thread.getAllStackTraces().entrySet()) {
                if (thread.getKey().getName().equals("benchmark")
                        && thread.getKey().getState() == Thread.State.TIMED_WAITING) {
                    return Arrays.toString(thread.getValue()).contains("comesToFront");
                }
            }
            return false;
        });
        controller.get().onPause();
        controller.resume();
        assertEquals("EnvironmentProblem", answer("t-5", 3).get("error").asString());
    }

    private Intent request(String id, int warmup, int runs) throws Exception {
        Passport passport = Models.passport(RuntimeEnvironment.getApplication(), models.get(0));
        return new Intent().putExtra("run_id", id).putExtra("model", models.get(0)).putExtra("sha256", passport.sha256)
                .putExtra("warmup", warmup).putExtra("runs", runs).putExtra("threads", 1);
    }

    private ActivityController<BenchmarkActivity> open(Intent intent) {
        ActivityController<BenchmarkActivity> controller =
                Robolectric.buildActivity(BenchmarkActivity.class, intent);
        opened.add(controller);
        return controller.setup();
    }

    private JsonObject benchmark(Intent intent, String runId, int code) {
        open(intent);
        return answer(runId, code);
    }

    private static JsonObject answer(String runId, int code) {
        String end = "MOBILECNN_DONE " + runId + " " + code;
        List<String> lines = new ArrayList<>();
        waitFor("line " + end, () -> {
            lines.clear();
            for (ShadowLog.LogItem item : ShadowLog.getLogsForTag("MOBILECNN")) {
                lines.add(item.msg);
            }
            return lines.contains(end);
        });
        StringBuilder text = new StringBuilder();
        for (String line : lines) {
            String head = "MOBILECNN " + runId + " ";
            if (line.startsWith(head)) {
                text.append(line.substring(line.indexOf(' ', head.length()) + 1));
            }
        }
        return Json.parse(text.toString()).asObject();
    }
}
