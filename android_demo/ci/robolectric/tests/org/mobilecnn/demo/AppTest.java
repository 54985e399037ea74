package org.mobilecnn.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertTrue;
import static org.junit.Assert.fail;
import static org.robolectric.Shadows.shadowOf;

import android.app.Activity;
import android.app.AlertDialog;
import android.content.Intent;
import android.graphics.Bitmap;
import android.graphics.Canvas;
import android.net.Uri;
import android.os.Looper;
import android.view.View;
import android.view.ViewGroup;
import android.widget.Spinner;
import android.widget.TextView;
import com.eclipsesource.json.Json;
import com.eclipsesource.json.JsonObject;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.junit.After;
import org.junit.Before;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.mobilecnn.core.Passport;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.annotation.Config;
import org.robolectric.annotation.GraphicsMode;
import org.robolectric.shadows.ShadowAlertDialog;
import org.robolectric.shadows.ShadowLog;

/**
 * The app's screens and its benchmark on Android 14's own classes, with the real interpreter and the
 * real picture decoder, on a computer. The APK under test has models that the interpreter can run.
 */
@RunWith(RobolectricTestRunner.class)
@Config(sdk = 34, qualifiers = "w411dp-h891dp-xhdpi")
@GraphicsMode(GraphicsMode.Mode.NATIVE)
public final class AppTest {
    /** Milliseconds to wait for something to appear. */
    private static final long PATIENCE_MS = 300_000;

    private final List<ActivityController<?>> opened = new ArrayList<>();
    private List<String> models;
    private byte[] photo;
    private String label;

    private interface Condition {
        boolean holds();
    }

    @Before
    public void findModels() throws Exception {
        // Robolectric ignores System.loadLibrary; a class of the same loader may load it all the same.
        Runtime.getRuntime().load(System.getProperty("mobilecnn.library"));
        models = Models.bundled(RuntimeEnvironment.getApplication());
        assertTrue("two models are needed, and there are " + models, models.size() >= 2);
        Passport passport = Models.passport(RuntimeEnvironment.getApplication(), models.get(0));
        Passport.Golden golden = passport.golden.get(0);
        photo = Base64.getDecoder().decode(golden.png);
        double[] scores = golden.scores();
        int best = 0;
        for (int i = 1; i < scores.length; i++) {
            best = scores[i] > scores[best] ? i : best;
        }
        label = passport.label(best);
    }

    /** Closes them: an open activity keeps its interpreter, whose thread would run beside the next test. */
    @After
    public void closeActivities() {
        for (ActivityController<?> controller : opened) {
            controller.close();
        }
        waitFor("end of the threads", () -> {
            for (Thread thread : Thread.getAllStackTraces().keySet()) {
                if (thread.getName().equals("inference") || thread.getName().equals("benchmark")) {
                    return false;
                }
            }
            return true;
        });
    }

    @Test
    public void theFirstModelIsLoadedAndItsAnswersAreVerified() {
        Activity activity = start().get();
        waitForStatus(activity, "Answers verified: 3 golden pictures");
        assertTrue(activity.findViewById(R.id.details).isEnabled());
        assertEquals("Choose Camera or Photo.", text(activity, R.id.times));
    }

    @Test
    public void everyModelThreadsAndKernelsCanBeChosen() {
        Activity activity = start().get();
        Spinner spinner = activity.findViewById(R.id.model);
        assertEquals(models.size(), spinner.getCount());
        for (int i = models.size() - 1; i >= 0; i--) {
            spinner.setSelection(i);
            activity.<Spinner>findViewById(R.id.kernels).setSelection(1);
            waitForStatus(activity, "Answers verified");
            activity.findViewById(R.id.details).performClick();
            shadowOf(Looper.getMainLooper()).idle();
            AlertDialog dialog = (AlertDialog) ShadowAlertDialog.getLatestDialog();
            String said = String.valueOf(((TextView) dialog.findViewById(android.R.id.message)).getText());
            assertTrue(said, said.startsWith(models.get(i) + "\nFormat: "));
            assertTrue(said, said.contains("SHA-256: "));
            dialog.dismiss();
        }
    }

    @Test
    public void aPhotoIsClassified() throws Exception {
        ActivityController<MainActivity> controller = start();
        final MainActivity activity = controller.get();
        waitForStatus(activity, "Answers verified");
        choosePhoto(activity, photo);
        assertTrue(text(activity, R.id.times), text(activity, R.id.times).startsWith("Picture "));
        ViewGroup results = activity.findViewById(R.id.results);
        View best = results.getChildAt(0);
        assertEquals(label, ((TextView) best.findViewById(R.id.label)).getText().toString());
        String spoken = String.valueOf(best.getContentDescription());
        assertTrue(spoken, spoken.startsWith(label + ", ") && spoken.endsWith("%"));
        picture(activity, "light");

        // Turned: another activity, the same photo.
        controller.recreate();
        final Activity turned = controller.get();
        waitForResult(turned);
        View again = turned.<ViewGroup>findViewById(R.id.results).getChildAt(0);
        assertEquals(label, ((TextView) again.findViewById(R.id.label)).getText().toString());
    }

    @Test
    @Config(qualifiers = "+night")
    public void darkAndLargeTextShowTheSame() throws Exception {
        RuntimeEnvironment.setFontScale(1.6f);
        MainActivity activity = start().get();
        waitForStatus(activity, "Answers verified");
        choosePhoto(activity, photo);
        picture(activity, "dark-large-text");
    }

    @Test
    public void aFileThatIsNoPictureIsAMessage() throws Exception {
        final MainActivity activity = start().get();
        waitForStatus(activity, "Answers verified");
        offer(activity, "not a picture".getBytes(StandardCharsets.US_ASCII));
        waitForStatus(activity, "This picture cannot be read (not a picture). Choose another.");
    }

    @Test
    public void withoutACameraTheScreenSaysSo() {
        MainActivity activity = start().get();
        waitForStatus(activity, "Answers verified");
        activity.findViewById(R.id.camera).performClick();
        activity.onRequestPermissionsResult(1, new String[] {"android.permission.CAMERA"}, new int[] {-1});
        assertTrue(text(activity, R.id.status).startsWith("The camera may not be used."));
        shadowOf(RuntimeEnvironment.getApplication()).grantPermissions("android.permission.CAMERA");
        activity.findViewById(R.id.camera).performClick();
        waitForStatus(activity, "This device has no camera that apps may use. Choose Photo.");
    }

    @Test
    public void everyControlHasANameForScreenReaders() {
        Activity activity = start().get();
        waitForStatus(activity, "Answers verified");
        named(activity.findViewById(android.R.id.content), activity.findViewById(android.R.id.content));
    }

    @Test
    public void theBenchmarkAnswersByItsProtocol() throws Exception {
        Passport passport = Models.passport(RuntimeEnvironment.getApplication(), models.get(0));
        Intent intent = new Intent().putExtra("run_id", "t-1").putExtra("model", models.get(0))
                .putExtra("sha256", passport.sha256).putExtra("warmup", 2).putExtra("runs", 9).putExtra("threads", 1);
        JsonObject document = benchmark(intent, "t-1", 0);
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

    private ActivityController<MainActivity> start() {
        ActivityController<MainActivity> controller = Robolectric.buildActivity(MainActivity.class);
        opened.add(controller);
        return controller.setup();
    }

    private static void choosePhoto(Activity activity, byte[] content) {
        offer(activity, content);
        waitForResult(activity);
    }

    /** Answers as the photo picker does. */
    private static void offer(Activity activity, final byte[] content) {
        Uri uri = Uri.parse("content://test/photo");
        shadowOf(RuntimeEnvironment.getApplication().getContentResolver())
                .registerInputStreamSupplier(uri, () -> new ByteArrayInputStream(content));
        activity.findViewById(R.id.photo).performClick();
        Intent asked = shadowOf(activity).getNextStartedActivityForResult().intent;
        assertEquals(Intent.ACTION_OPEN_DOCUMENT, asked.getAction());
        assertEquals("image/*", asked.getType());
        shadowOf(activity).receiveResult(asked, Activity.RESULT_OK, new Intent().setData(uri));
    }

    private JsonObject benchmark(Intent intent, String runId, int code) {
        ActivityController<BenchmarkActivity> controller =
                Robolectric.buildActivity(BenchmarkActivity.class, intent);
        opened.add(controller);
        controller.setup();
        String end = "MOBILECNN_DONE " + runId + " " + code;
        List<String> lines = new ArrayList<>();
        waitFor("the line " + end, () -> {
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

    private static void named(View root, View view) {
        boolean acts = view.isClickable() && view.getVisibility() == View.VISIBLE;
        boolean says = view.getContentDescription() != null
                || view instanceof TextView && ((TextView) view).getText().length() > 0;
        boolean labelled = false;
        if (view.getId() != View.NO_ID) {
            for (View other : all(root)) {
                labelled |= other.getLabelFor() == view.getId();
            }
        }
        assertTrue("no name: " + view, !acts || says || labelled);
        if (view instanceof ViewGroup && !(view instanceof Spinner)) {
            for (int i = 0; i < ((ViewGroup) view).getChildCount(); i++) {
                named(root, ((ViewGroup) view).getChildAt(i));
            }
        }
    }

    private static List<View> all(View view) {
        List<View> views = new ArrayList<>();
        views.add(view);
        if (view instanceof ViewGroup) {
            for (int i = 0; i < ((ViewGroup) view).getChildCount(); i++) {
                views.addAll(all(((ViewGroup) view).getChildAt(i)));
            }
        }
        return views;
    }

    private static String text(Activity activity, int id) {
        return ((TextView) activity.findViewById(id)).getText().toString();
    }

    private static void waitForStatus(Activity activity, String words) {
        waitFor(words, () -> text(activity, R.id.status).contains(words), activity);
    }

    private static void waitForResult(Activity activity) {
        ViewGroup results = activity.findViewById(R.id.results);
        waitFor("a result", () -> results.getChildAt(0).getVisibility() == View.VISIBLE, activity);
    }

    private static void waitFor(String what, Condition condition, Activity... shown) {
        long end = System.currentTimeMillis() + PATIENCE_MS;
        while (!condition.holds()) {
            if (System.currentTimeMillis() > end) {
                String status = shown.length == 0 ? "" : "; the status is: " + text(shown[0], R.id.status);
                fail("there is no " + what + status);
            }
            shadowOf(Looper.getMainLooper()).idle();
            try {
                Thread.sleep(10);
            } catch (InterruptedException interrupt) {
                throw new AssertionError(interrupt);
            }
        }
        shadowOf(Looper.getMainLooper()).idle();
    }

    /** Writes the screen as a PNG into the output folder. */
    private static void picture(Activity activity, String name) throws IOException {
        View view = activity.getWindow().getDecorView();
        assertNotNull(view);
        Bitmap bitmap = Bitmap.createBitmap(view.getWidth(), view.getHeight(), Bitmap.Config.ARGB_8888);
        view.draw(new Canvas(bitmap));
        File file = new File(System.getProperty("mobilecnn.output"), name + ".png");
        try (FileOutputStream stream = new FileOutputStream(file)) {
            assertTrue(bitmap.compress(Bitmap.CompressFormat.PNG, 100, stream));
        }
    }
}
