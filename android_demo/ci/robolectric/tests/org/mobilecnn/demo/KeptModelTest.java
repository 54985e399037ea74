package org.mobilecnn.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;
import static org.mobilecnn.demo.OpenModelTest.asset;
import static org.mobilecnn.demo.OpenModelTest.card;
import static org.mobilecnn.demo.OpenModelTest.open;
import static org.robolectric.Shadows.shadowOf;

import android.app.AlertDialog;
import android.app.Dialog;
import android.content.Context;
import android.content.ContextWrapper;
import android.content.res.AssetManager;
import android.net.Uri;
import android.os.Looper;
import android.widget.TextView;
import com.eclipsesource.json.Json;
import com.eclipsesource.json.JsonObject;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.FileOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.Test;
import org.mobilecnn.core.Digest;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.shadows.ShadowDialog;
import org.robolectric.util.ReflectionHelpers;
import org.robolectric.util.ReflectionHelpers.ClassParameter;

/** Models that were opened and are kept: what they are called, and how they go. */
public final class KeptModelTest extends AppTestCase {
    @Test
    public void anotherModelOfTheSameNameIsKeptBesideTheFirst() throws Exception {
        MainActivity activity = verified();
        String name = models.get(1).replace(".tflite", "");
        open(activity, asset(models.get(1)), asset(card(models.get(1))));
        waitForText(activity, R.id.model_name, name);
        waitForText(activity, R.id.chip, "Answers verified");
        JsonObject other = Json.parse(new String(asset(card(models.get(0))), StandardCharsets.UTF_8)).asObject();
        other.get("file").asObject().set("name", models.get(1));
        String digest = other.get("file").asObject().get("sha256").asString();
        for (int times = 0; times < 2; times++) {
            // Opened again, it takes its own place.
            open(activity, asset(models.get(0)), other.toString().getBytes(StandardCharsets.UTF_8));
            waitForText(activity, R.id.model_name, name + "-" + digest.substring(0, 8) + ".tflite");
            waitForText(activity, R.id.chip, "Answers verified");
            assertEquals(models.size() + 2, activity.presenter().models().size());
        }
        File first = new File(Models.opened(RuntimeEnvironment.getApplication()), models.get(1));
        assertEquals(Models.passport(RuntimeEnvironment.getApplication(), models.get(1)).sha256,
                Digest.sha256(Models.open(first)));
        assertEquals(Models.passport(first).sha256, Digest.sha256(Models.open(first)));
    }

    /** Nor do two models have one name where the app carries the other. */
    @Test
    public void aModelOfABundledOnesNameIsToldFromIt() throws Exception {
        MainActivity activity = verified();
        JsonObject other = Json.parse(new String(asset(card(models.get(0))), StandardCharsets.UTF_8)).asObject();
        other.get("file").asObject().set("name", models.get(1));
        String digest = other.get("file").asObject().get("sha256").asString();
        open(activity, asset(models.get(0)), other.toString().getBytes(StandardCharsets.UTF_8));
        waitFor("model", () -> activity.presenter().models().size() == models.size() + 1, activity);
        Set<String> titles = new HashSet<>();
        for (String model : activity.presenter().models()) {
            titles.add(Models.title(model));
        }
        assertEquals(models.size() + 1, titles.size());
        String name = models.get(1).replace(".tflite", "-" + digest.substring(0, 8) + ".tflite");
        assertTrue(titles.toString(), titles.contains(name));
        waitForText(activity, R.id.model_name, name);
    }

    /** What was opened can be removed, once that is confirmed; what the app carries cannot. */
    @Test
    public void anOpenedModelCanBeRemoved() throws Exception {
        MainActivity activity = verified();
        activity.findViewById(R.id.settings).performClick();
        assertFalse(ShadowDialog.getLatestDialog().findViewById(R.id.remove).isShown());
        open(activity, asset(models.get(1)), asset(card(models.get(1))));
        waitForText(activity, R.id.model_name, models.get(1));
        waitForText(activity, R.id.chip, "Answers verified");
        String path = activity.presenter().chosen().model;
        File folder = Models.opened(RuntimeEnvironment.getApplication());
        assertEquals(2, folder.list().length);
        for (int button : new int[] {AlertDialog.BUTTON_NEGATIVE, AlertDialog.BUTTON_POSITIVE}) {
            assertTrue(new File(path).exists());
            activity.findViewById(R.id.settings).performClick();
            Dialog sheet = ShadowDialog.getLatestDialog();
            sheet.findViewById(R.id.remove).performClick();
            shadowOf(Looper.getMainLooper()).idle();
            AlertDialog question = (AlertDialog) ShadowDialog.getLatestDialog();
            assertFalse(sheet.isShowing());
            String asked = String.valueOf(((TextView) question.findViewById(android.R.id.message)).getText());
            assertTrue(asked, asked.startsWith("Remove " + models.get(1) + " from this app?"));
            question.getButton(button).performClick();
            shadowOf(Looper.getMainLooper()).idle();
        }
        waitFor("end of the files", () -> folder.list().length == 0, activity);
        waitForText(activity, R.id.model_name, models.get(0));
        waitForText(activity, R.id.chip, "Answers verified");
        assertEquals(models, activity.presenter().models());
        // Nor is it there at the next start.
        assertEquals(models.get(0), start().get().presenter().chosen().model);
    }

    /** Opens the second bundled model; its path among those that were opened. */
    private String openSecond(MainActivity activity) throws Exception {
        open(activity, asset(models.get(1)), asset(card(models.get(1))));
        waitForText(activity, R.id.model_name, models.get(1));
        waitForText(activity, R.id.chip, "Answers verified");
        return activity.presenter().chosen().model;
    }

    /** Whoever looks for models just before one is removed finds that one, too: it does not stay in the list. */
    @Test
    public void aRemovedModelDoesNotComeBack() throws Exception {
        MainActivity activity = verified();
        Presenter presenter = activity.presenter();
        String path = openSecond(activity);
        open(activity, asset(models.get(0)), asset(card(models.get(0))));
        CountDownLatch kept = new CountDownLatch(1);
        presenter.session().post(kept::countDown);
        kept.await();
        // The screen has not heard of it yet.
        CountDownLatch gate = new CountDownLatch(1);
        presenter.session().post(gate::await);
        presenter.remove(path);
        shadowOf(Looper.getMainLooper()).idle();
        gate.countDown();
        waitFor("end of it", () -> !presenter.models().contains(path), activity);
        assertFalse(new File(path).exists());
        assertEquals(models.size() + 1, presenter.models().size());
        waitForText(activity, R.id.model_name, models.get(0));
        waitForText(activity, R.id.chip, "Answers verified");
    }

    @Test
    public void aModelThatCannotBeRemovedIsStillThere() throws Exception {
        MainActivity activity = verified();
        String path = openSecond(activity);
        // What is in a folder is in the way of its removal.
        assertTrue(new File(path).delete());
        assertTrue(new File(path, "something").mkdirs());
        activity.presenter().remove(path);
        waitForText(activity, R.id.message, models.get(1) + " cannot be removed (");
        assertTrue(activity.presenter().models().contains(path));
        assertEquals(models.get(0), activity.presenter().chosen().model);
    }

    /** Of several outputs the passport, which describes one, does not tell. */
    @Test
    public void aModelOfSeveralOutputsIsNotKept() throws Exception {
        MainActivity activity = verified();
        byte[] model = twoOutputs(asset(models.get(0)));
        JsonObject passport = Json.parse(new String(asset(card(models.get(0))), StandardCharsets.UTF_8)).asObject();
        passport.get("file").asObject().set("bytes", model.length).set("sha256", Digest.sha256(ByteBuffer.wrap(model)));
        open(activity, model, passport.toString().getBytes(StandardCharsets.UTF_8));
        waitForText(activity, R.id.message, " has 1 inputs and 2 outputs");
        assertEquals(models, activity.presenter().models());
        assertEquals("Answers verified on this phone", text(activity, R.id.chip));
    }

    /** A TensorFlow Lite file (a FlatBuffer) that gives its output twice. */
    private static byte[] twoOutputs(byte[] model) {
        int end = (model.length + 3) / 4 * 4;
        ByteBuffer file = ByteBuffer.allocate(end + 12).order(ByteOrder.LITTLE_ENDIAN);
        file.put(model);
        int subgraphs = pointed(file, field(file, file.getInt(0), 2));
        int outputs = field(file, pointed(file, subgraphs + 4), 2);
        int output = file.getInt(pointed(file, outputs) + 4);
        file.putInt(end, 2).putInt(end + 4, output).putInt(end + 8, output);
        file.putInt(outputs, end - outputs);
        return file.array();
    }

    /** Where a field of a table is. */
    private static int field(ByteBuffer file, int table, int index) {
        return table + file.getShort(table - file.getInt(table) + 4 + 2 * index);
    }

    /** Where the offset at this place points to. */
    private static int pointed(ByteBuffer file, int place) {
        return place + file.getInt(place);
    }

    /** A bundled model of the same name, of which nobody knows what it is, is another one, and no reason to refuse. */
    @Test
    public void aBundledModelWithoutItsPassportIsAnotherOne() throws Exception {
        Context whole = RuntimeEnvironment.getApplication();
        String name = models.get(1);
        AssetManager assets = withOnly(new File(whole.getCacheDir(), "assets.zip"), "assets/models/" + name);
        Context context = new ContextWrapper(whole) {
            @Override
            public AssetManager getAssets() {
                return assets;
            }
        };
        assertEquals(Collections.singletonList(name), Models.bundled(context));
        Uri model = Uri.parse("content://test/model");
        Uri passport = Uri.parse("content://test/passport");
        byte[][] files = {asset(name), asset(card(name))};
        shadowOf(whole.getContentResolver()).registerInputStream(model, new ByteArrayInputStream(files[0]));
        shadowOf(whole.getContentResolver()).registerInputStream(passport, new ByteArrayInputStream(files[1]));
        OpenedModel opened = new OpenedModel(context);
        assertFalse(opened.take(Arrays.asList(model, passport)));
        String digest = Models.passport(whole, name).sha256.substring(0, 8);
        assertEquals(name.replace(".tflite", "-" + digest + ".tflite"), new File(opened.keep()).getName());
    }

    /** The assets of an app that has this one file. */
    private static AssetManager withOnly(File archive, String entry) throws Exception {
        try (ZipOutputStream zip = new ZipOutputStream(new FileOutputStream(archive))) {
            zip.putNextEntry(new ZipEntry(entry));
            zip.write(1);
        }
        AssetManager assets = ReflectionHelpers.callConstructor(AssetManager.class);
        ReflectionHelpers.callInstanceMethod(
                assets, "addAssetPath", ClassParameter.from(String.class, archive.getPath()));
        return assets;
    }
}
