package org.mobilecnn.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotSame;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.app.Activity;
import android.content.ContentProvider;
import android.content.ContentResolver;
import android.content.Context;
import android.content.Intent;
import android.content.pm.ProviderInfo;
import android.content.res.AssetManager;
import android.database.Cursor;
import android.net.Uri;
import android.os.Looper;
import android.provider.OpenableColumns;
import android.view.View;
import android.view.ViewGroup;
import android.view.WindowManager;
import android.widget.Spinner;
import android.widget.TextView;
import com.eclipsesource.json.Json;
import com.eclipsesource.json.JsonArray;
import com.eclipsesource.json.JsonObject;
import com.eclipsesource.json.JsonValue;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileNotFoundException;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.Test;
import org.mobilecnn.core.AssumedPassport;
import org.mobilecnn.core.Digest;
import org.mobilecnn.core.TensorSpec;
import org.robolectric.Robolectric;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.shadows.ShadowToast;

/** The screen that times all models: what it shows, keeps and shares, and what ends it. */
public final class TimingTest extends AppTestCase {
    @Test
    public void allModelsAreTimedShownKeptAndShared() throws Exception {
        ActivityController<TimingActivity> controller = open();
        TimingActivity activity = controller.get();
        int flags = activity.getWindow().getAttributes().flags;
        assertTrue((flags & WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON) != 0);
        // Nothing to look at or to share yet.
        assertFalse(activity.findViewById(R.id.sheet).isShown());
        assertFalse(activity.findViewById(R.id.share).isShown());
        activity.findViewById(R.id.start).performClick();
        waitFor("measurement", () -> activity.findViewById(R.id.share).isEnabled());
        assertTrue(activity.findViewById(R.id.sheet).isShown());
        assertTrue(activity.findViewById(R.id.share).isShown());
        ViewGroup results = activity.findViewById(R.id.results);
        int rows = 0;
        for (int i = 0; i < results.getChildCount(); i++) {
            rows += results.getChildAt(i) instanceof TextView ? 0 : 1;
        }
        assertEquals(models.size(), rows);
        picture(activity.getWindow().getDecorView(), "timing");

        activity.findViewById(R.id.share).performClick();
        JsonObject shared = Json.parse(sent(activity)).asObject();
        assertEquals(3 * models.size(), shared.get("runs").asArray().size());

        activity.findViewById(R.id.save).performClick();
        Intent asked = shadowOf(activity).getNextStartedActivityForResult().intent;
        assertEquals(Intent.ACTION_CREATE_DOCUMENT, asked.getAction());
        Uri file = Uri.parse("content://test/measurement");
        ByteArrayOutputStream saved = new ByteArrayOutputStream();
        shadowOf(RuntimeEnvironment.getApplication().getContentResolver()).registerOutputStream(file, saved);
        shadowOf(activity).receiveResult(asked, Activity.RESULT_OK, new Intent().setData(file));
        waitFor("word of it", () -> activity.<TextView>findViewById(R.id.message).getText().toString().startsWith("Saved."));
        assertEquals(shared, Json.parse(saved.toString(StandardCharsets.US_ASCII)));
        // For the test in Python that reads it.
        Files.write(Paths.get(System.getProperty("mobilecnn.output"), "measurement.json"), saved.toByteArray());

        TimingActivity again = open().get();
        assertEquals(1, again.<Spinner>findViewById(R.id.history).getCount());
        assertTrue(again.findViewById(R.id.share).isEnabled());
    }

    /** Models that were opened from the phone are timed, too; one that cannot run is left out, and said so. */
    @Test
    public void openedModelsAreTimedToo() throws Exception {
        File folder = Models.opened(RuntimeEnvironment.getApplication());
        assertTrue(folder.isDirectory() || folder.mkdirs());
        String first = models.get(0);
        String second = models.get(1);
        // Another model of a bundled one's name, the bundled one itself, and a file without an end.
        put(folder, first, second);
        put(folder, second, second);
        put(folder, "own.tflite", first);
        put(folder, "broken.tflite", first);
        try (FileOutputStream cut = new FileOutputStream(new File(folder, "broken.tflite"))) {
            cut.write("....TFL3".getBytes(StandardCharsets.US_ASCII));
        }
        put(folder, "damaged.tflite", first);
        damage(new File(folder, "damaged.json"));
        assume(new File(folder, "unknown.tflite"), first);
        TimingActivity activity = open().get();
        activity.findViewById(R.id.start).performClick();
        waitFor("measurement", () -> activity.findViewById(R.id.share).isEnabled());
        activity.findViewById(R.id.share).performClick();
        String sent = sent(activity);
        List<String> files = new ArrayList<>();
        for (JsonValue model : Json.parse(sent).asObject().get("models").asArray()) {
            files.add(model.asObject().get("file").asString());
        }
        String digest = Models.passport(RuntimeEnvironment.getApplication(), second).sha256;
        List<String> wanted = new ArrayList<>(models);
        wanted.add(first.replace(".tflite", "-" + digest.substring(0, 8) + ".tflite"));
        wanted.add("own.tflite");
        wanted.add("unknown.tflite");
        assertEquals(wanted, files);
        String said = activity.<TextView>findViewById(R.id.message).getText().toString();
        assertTrue(said, said.contains("Not timed, because they cannot run here: broken.tflite, damaged.tflite"));
        // For the test in Python that reads it.
        Files.write(Paths.get(System.getProperty("mobilecnn.output"), "measurement-opened.json"),
                sent.getBytes(StandardCharsets.US_ASCII));
    }

    /** What the app reads that a measurement was shared with just now. */
    private static String sent(Activity activity) throws IOException {
        Intent chooser = shadowOf(activity).getNextStartedActivity();
        assertEquals(Intent.ACTION_CHOOSER, chooser.getAction());
        Intent send = chooser.getParcelableExtra(Intent.EXTRA_INTENT, Intent.class);
        assertEquals("application/json", send.getType());
        Uri uri = send.getParcelableExtra(Intent.EXTRA_STREAM, Uri.class);
        // What is granted for the stream is granted by the clip.
        assertEquals(uri, send.getClipData().getItemAt(0).getUri());
        assertTrue((send.getFlags() & Intent.FLAG_GRANT_READ_URI_PERMISSION) != 0);
        assertEquals(0, send.getFlags() & Intent.FLAG_GRANT_WRITE_URI_PERMISSION);
        try (InputStream stream = activity.getContentResolver().openInputStream(uri)) {
            return new String(stream.readAllBytes(), StandardCharsets.US_ASCII);
        }
    }

    /** The provider gives measurements to whom they are shared with, and nothing else to anybody. */
    @Test
    public void nothingButMeasurementsIsShared() throws Exception {
        Context context = RuntimeEnvironment.getApplication();
        TimingHistory history = new TimingHistory(context);
        JsonObject kept = record(Timings.created(OffsetDateTime.of(2026, 3, 1, 9, 30, 0, 0, ZoneOffset.UTC)));
        history.keep(kept);
        String name = history.names().get(0);
        ProviderInfo declared = context.getPackageManager()
                .resolveContentProvider(context.getPackageName() + ".timings", 0);
        assertFalse(declared.exported);
        assertTrue(declared.grantUriPermissions);
        ContentResolver resolver = context.getContentResolver();
        Uri uri = SharedTimings.uri(context, name);
        assertEquals("application/json", resolver.getType(uri));
        try (Cursor cursor = resolver.query(uri, null, null, null, null)) {
            assertTrue(cursor.moveToFirst());
            assertEquals("measurement-" + name, cursor.getString(cursor.getColumnIndex(OpenableColumns.DISPLAY_NAME)));
            assertEquals(TimingHistory.text(kept).length(), cursor.getLong(cursor.getColumnIndex(OpenableColumns.SIZE)));
        }
        ContentProvider provider = Robolectric.buildContentProvider(SharedTimings.class)
                .create(context.getPackageName() + ".timings").get();
        provider.openFile(uri, "r").close();
        // A folder above, and what lies there, however it is written.
        Files.write(new File(context.getFilesDir(), "secret.json").toPath(), new byte[] {'{', '}'});
        Uri above = uri.buildUpon().path("../secret.json").build();
        Uri written = Uri.parse(uri.toString().replace(name, "..%2Fsecret.json"));
        for (Uri other : new Uri[] {above, written, uri.buildUpon().path("").build()}) {
            assertThrows(FileNotFoundException.class, () -> provider.openFile(other, "r"));
            try (Cursor cursor = provider.query(other, null, null, null, null)) {
                assertEquals(0, cursor.getCount());
            }
        }
        assertThrows(FileNotFoundException.class, () -> provider.openFile(uri, "rw"));
        assertThrows(UnsupportedOperationException.class, () -> provider.delete(uri, null, null));
        assertEquals(1, history.names().size());
    }

    /** Whoever has gone back meanwhile hears of it all the same. */
    @Test
    public void whatIsSavedAfterTheScreenWasLeftIsSaid() throws Exception {
        new TimingHistory(RuntimeEnvironment.getApplication()).keep(
                record(Timings.created(OffsetDateTime.of(2026, 3, 1, 9, 30, 0, 0, ZoneOffset.UTC))));
        ActivityController<TimingActivity> controller = open();
        Uri file = Uri.parse("content://test/slow");
        CountDownLatch gate = new CountDownLatch(1);
        shadowOf(controller.get().getContentResolver()).registerOutputStream(file, slow(gate));
        controller.get().onActivityResult(1, Activity.RESULT_OK, new Intent().setData(file));
        controller.pause().stop().destroy();
        opened.remove(controller);
        gate.countDown();
        waitFor("word of it", () -> ShadowToast.getTextOfLatestToast() != null);
        String said = ShadowToast.getTextOfLatestToast();
        assertTrue(said, said.startsWith("Saved."));
    }

    /** A file whose writer has to wait. */
    private static ByteArrayOutputStream slow(CountDownLatch gate) {
        Thread screen = Thread.currentThread();
        return new ByteArrayOutputStream() {
            @Override
            public void write(byte[] part, int from, int count) {
                assertNotSame("on the screen's thread", screen, Thread.currentThread());
                try {
                    gate.await();
                } catch (InterruptedException interrupt) {
                    throw new IllegalStateException(interrupt);
                }
                super.write(part, from, count);
            }
        };
    }

    /** Another app's storage may take its time, and the screen goes on meanwhile; or fail, and that is a message. */
    @Test
    public void savingKeepsNobodyWaiting() throws Exception {
        new TimingHistory(RuntimeEnvironment.getApplication()).keep(
                record(Timings.created(OffsetDateTime.of(2026, 3, 1, 9, 30, 0, 0, ZoneOffset.UTC))));
        TimingActivity activity = open().get();
        TextView message = activity.findViewById(R.id.message);
        Uri file = Uri.parse("content://test/slow");
        CountDownLatch gate = new CountDownLatch(1);
        ByteArrayOutputStream saved = slow(gate);
        shadowOf(activity.getContentResolver()).registerOutputStream(file, saved);
        activity.onActivityResult(1, Activity.RESULT_OK, new Intent().setData(file));
        shadowOf(Looper.getMainLooper()).idle();
        assertFalse(message.getText().toString().startsWith("Saved."));
        gate.countDown();
        waitFor("word of it", () -> message.getText().toString().startsWith("Saved."));
        assertTrue(saved.size() > 0);
        Uri broken = Uri.parse("content://test/full");
        shadowOf(activity.getContentResolver()).registerOutputStream(broken, new OutputStream() {
            @Override
            public void write(int one) throws IOException {
                throw new IOException("no space left");
            }
        });
        activity.onActivityResult(1, Activity.RESULT_OK, new Intent().setData(broken));
        waitFor("failure", () -> message.getText().toString()
                .startsWith("It cannot be written (no space left). Free some storage, or choose another place."));
    }

    /** Stop is heeded from the first look at the models on, and what that found is not said of an earlier measurement. */
    @Test
    public void whatAStoppedMeasurementLeftOutIsNotSaidOfAnother() throws Exception {
        new TimingHistory(RuntimeEnvironment.getApplication()).keep(
                record(Timings.created(OffsetDateTime.of(2026, 3, 1, 9, 30, 0, 0, ZoneOffset.UTC))));
        File folder = Models.opened(RuntimeEnvironment.getApplication());
        assertTrue(folder.isDirectory() || folder.mkdirs());
        put(folder, "damaged.tflite", models.get(0));
        damage(new File(folder, "damaged.json"));
        ActivityController<TimingActivity> controller = open();
        controller.get().findViewById(R.id.start).performClick();
        controller.get().findViewById(R.id.start).performClick();
        waitFor("end", () -> controller.get().<TextView>findViewById(R.id.message).getText().toString()
                .equals("Stopped. Nothing was kept."));
        turn(controller);
        String said = controller.get().<TextView>findViewById(R.id.message).getText().toString();
        assertTrue(said, said.startsWith("Milliseconds to answer"));
        assertFalse(said, said.contains("damaged"));
    }

    /** Makes the first golden picture of a passport no picture. */
    private static void damage(File passport) throws IOException {
        JsonObject document =
                Json.parse(new String(Files.readAllBytes(passport.toPath()), StandardCharsets.UTF_8)).asObject();
        JsonObject golden = document.get("golden").asArray().get(0).asObject();
        assertTrue(golden.get("picture").asString().startsWith("iVBOR"));
        golden.set("picture", "iVBORw0KGgo=");
        Files.write(passport.toPath(), document.toString().getBytes(StandardCharsets.UTF_8));
    }

    /** Puts a bundled model among those that were opened as one that came without a passport. */
    private static void assume(File model, String bundled) throws Exception {
        put(model.getParentFile(), model.getName(), bundled);
        ByteBuffer content = Models.open(model);
        TensorSpec[] tensors = Classifier.tensors(model.getName(), content);
        JsonObject card = AssumedPassport.of(model.getName(), model.length(), Digest.sha256(content), tensors[0], tensors[1],
                AssumedPassport.Range.UNIT, "nothing is known");
        Files.write(new File(model.getParentFile(), "unknown.json").toPath(),
                card.toString().getBytes(StandardCharsets.UTF_8));
    }

    /** Puts a bundled model and its passport among those that were opened. */
    private static void put(File folder, String name, String bundled) throws IOException {
        AssetManager assets = RuntimeEnvironment.getApplication().getAssets();
        for (String end : new String[] {".tflite", ".json"}) {
            try (InputStream content = assets.open("models/" + bundled.replace(".tflite", end))) {
                Files.copy(content, new File(folder, name.replace(".tflite", end)).toPath());
            }
        }
    }

    /** Turning the phone goes on; leaving ends it, and nothing is kept. */
    @Test
    public void turningGoesOnAndLeavingEndsIt() {
        ActivityController<TimingActivity> controller = open();
        controller.get().findViewById(R.id.start).performClick();
        turn(controller);
        TimingActivity activity = controller.get();
        waitFor("measurement", () -> activity.findViewById(R.id.share).isEnabled());
        activity.findViewById(R.id.start).performClick();
        controller.pause();
        waitFor("end", () -> activity.<TextView>findViewById(R.id.message).getText().toString()
                .startsWith("the app was not in front all the time"));
        assertEquals(1, new TimingHistory(RuntimeEnvironment.getApplication()).names().size());
        assertEquals(View.INVISIBLE, activity.findViewById(R.id.progress).getVisibility());
    }

    /** The result of Save arrives at the new screen before that is laid out. */
    @Test
    public void whatIsSavedAfterTurningIsTheMeasurementThatWasChosen() throws Exception {
        TimingHistory history = new TimingHistory(RuntimeEnvironment.getApplication());
        ZoneOffset zone = ZoneOffset.ofHours(2);
        String older = Timings.created(OffsetDateTime.of(2026, 3, 1, 9, 30, 0, 0, zone));
        history.keep(record(older));
        history.keep(record(Timings.created(OffsetDateTime.of(2026, 3, 2, 9, 30, 0, 0, zone))));
        ActivityController<TimingActivity> controller = open();
        Spinner list = controller.get().findViewById(R.id.history);
        assertEquals("2026-03-02 09:30:00", list.getItemAtPosition(0));
        list.setSelection(1);
        shadowOf(Looper.getMainLooper()).idle();
        turn(controller);
        TimingActivity turned = controller.get();
        assertEquals(1, turned.<Spinner>findViewById(R.id.history).getSelectedItemPosition());
        Uri file = Uri.parse("content://test/older");
        ByteArrayOutputStream saved = new ByteArrayOutputStream();
        shadowOf(RuntimeEnvironment.getApplication().getContentResolver()).registerOutputStream(file, saved);
        turned.onActivityResult(1, Activity.RESULT_OK, new Intent().setData(file));
        waitFor("word of it", () -> turned.<TextView>findViewById(R.id.message).getText().toString().startsWith("Saved."));
        JsonObject written = Json.parse(saved.toString(StandardCharsets.US_ASCII)).asObject();
        assertEquals(older, written.get("created").asString());
    }

    @Test
    public void aDeviceWithoutAnAppThatKeepsFilesIsAMessage() throws Exception {
        new TimingHistory(RuntimeEnvironment.getApplication()).keep(
                record(Timings.created(OffsetDateTime.of(2026, 3, 1, 9, 30, 0, 0, ZoneOffset.UTC))));
        TimingActivity activity = open().get();
        shadowOf(RuntimeEnvironment.getApplication()).checkActivities(true);
        activity.findViewById(R.id.save).performClick();
        assertEquals("There is no app on this device that keeps files. Choose Share.",
                activity.<TextView>findViewById(R.id.message).getText().toString());
    }

    /** OffsetDateTime.toString leaves out seconds of 0, and the history takes the time from fixed places of the text. */
    @Test
    public void theTimeOfARecordHasItsSeconds() {
        OffsetDateTime full = OffsetDateTime.of(2026, 11, 26, 20, 17, 0, 999, ZoneOffset.ofHoursMinutes(5, 30));
        assertEquals("2026-11-26T20:17:00+05:30", Timings.created(full));
        assertEquals("2026-11-26T20:17:09-02:00",
                Timings.created(OffsetDateTime.of(2026, 11, 26, 20, 17, 9, 0, ZoneOffset.ofHours(-2))));
    }

    /** A measurement of nothing. */
    static JsonObject record(String created) {
        return new JsonObject().add("created", created).add("protocol", new JsonObject().add("threads", 1))
                .add("models", new JsonArray()).add("runs", new JsonArray());
    }

    private ActivityController<TimingActivity> open() {
        ActivityController<TimingActivity> controller = Robolectric.buildActivity(TimingActivity.class);
        opened.add(controller);
        return controller.setup();
    }
}
