package org.mobilecnn.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;
import static org.junit.Assert.fail;
import static org.robolectric.Shadows.shadowOf;

import android.app.Activity;
import android.content.Intent;
import android.graphics.Bitmap;
import android.graphics.Canvas;
import android.hardware.camera2.CameraCharacteristics;
import android.hardware.camera2.CameraManager;
import android.net.Uri;
import android.os.HandlerThread;
import android.os.Looper;
import android.view.Surface;
import android.view.View;
import android.view.ViewGroup;
import android.widget.TextView;
import com.eclipsesource.json.Json;
import com.eclipsesource.json.JsonArray;
import com.eclipsesource.json.JsonObject;
import com.eclipsesource.json.JsonValue;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.List;
import java.util.function.Supplier;
import org.junit.After;
import org.junit.Before;
import org.junit.runner.RunWith;
import org.mobilecnn.core.Passport;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.annotation.Config;
import org.robolectric.annotation.GraphicsMode;
import org.robolectric.shadow.api.Shadow;
import org.robolectric.shadows.ShadowCameraCharacteristics;
import org.robolectric.shadows.ShadowCameraManager;
import org.robolectric.util.ReflectionHelpers;

/** What the tests of the app share: its screens on Android 14's own classes, the interpreter, the staged models. */
@RunWith(RobolectricTestRunner.class)
@Config(sdk = 34, qualifiers = "w411dp-h891dp-xhdpi")
@GraphicsMode(GraphicsMode.Mode.NATIVE)
public abstract class AppTestCase {
    /** Milliseconds to wait for something to appear. */
    private static final long PATIENCE_MS = 60_000;

    /** Where photos are offered from. */
    static final Uri PHOTO = Uri.parse("content://test/photo");

    final List<ActivityController<?>> opened = new ArrayList<>();

    /** Names of the staged models. */
    List<String> models;

    /** A golden picture of the first model, and the label of its answer. */
    byte[] photo;
    String label;

    interface Condition {
        boolean holds() throws Exception;
    }

    @Before
    public void findModels() throws Exception {
        // Robolectric ignores System.loadLibrary; a class of the same loader may load it all the same.
        Runtime.getRuntime().load(System.getProperty("mobilecnn.library"));
        models = Models.bundled(RuntimeEnvironment.getApplication());
        assertTrue("two models are needed, and there are " + models, models.size() >= 2);
        use(models.get(0));
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
                String name = thread.getName();
                if (name.equals("inference") || name.equals("camera") || name.equals("benchmark")) {
                    wake(thread);
                    return false;
                }
            }
            return true;
        });
    }

    /** Robolectric's queue misses a wake-up that comes between its look for messages and its wait for others. */
    private static void wake(Thread thread) {
        Looper looper = thread instanceof HandlerThread ? ((HandlerThread) thread).getLooper() : null;
        if (looper != null) {
            synchronized (looper.getQueue()) {
                looper.getQueue().notifyAll();
            }
        }
    }

    /** Makes a model the one that the app starts with. */
    static void use(String model) {
        new Settings(RuntimeEnvironment.getApplication())
                .keep(new ModelSession.Choice(model, 1, Classifier.Kernels.XNNPACK));
    }

    /** The first staged model whose name begins so; the test is for such models, and does nothing without. */
    String staged(String start) {
        for (String model : models) {
            if (model.startsWith(start)) {
                return model;
            }
        }
        org.junit.Assume.assumeTrue("no model " + start + " is staged", false);
        return null;
    }

    /** A model that was opened from the phone, whose passport has the scores of other pictures. */
    File misremembering() throws Exception {
        File folder = Models.opened(RuntimeEnvironment.getApplication());
        assertTrue(folder.isDirectory() || folder.mkdirs());
        String name = models.get(0);
        String card = name.replace(".tflite", ".json");
        try (InputStream model = RuntimeEnvironment.getApplication().getAssets().open("models/" + name);
                InputStream passport = RuntimeEnvironment.getApplication().getAssets().open("models/" + card)) {
            Files.copy(model, new File(folder, "wrong.tflite").toPath());
            JsonObject document =
                    Json.parse(new String(passport.readAllBytes(), StandardCharsets.UTF_8)).asObject();
            for (JsonValue golden : document.get("golden").asArray()) {
                JsonArray reversed = new JsonArray();
                JsonArray scores = golden.asObject().get("scores").asArray();
                for (int i = scores.size() - 1; i >= 0; i--) {
                    reversed.add(scores.get(i));
                }
                golden.asObject().set("scores", reversed);
            }
            Files.write(new File(folder, "wrong.json").toPath(), document.toString().getBytes(StandardCharsets.UTF_8));
        }
        return new File(folder, "wrong.tflite");
    }

    /** Anything to throw, where the compiler knows of nothing that is thrown. */
    @SuppressWarnings("unchecked")
    static <T extends Throwable> T any(Throwable failure) throws T {
        throw (T) failure;
    }

    ActivityController<MainActivity> start() {
        ActivityController<MainActivity> controller = Robolectric.buildActivity(MainActivity.class);
        opened.add(controller);
        return controller.setup();
    }

    /** The main screen, once its model is loaded and verified. */
    MainActivity verified() {
        MainActivity activity = start().get();
        waitForText(activity, R.id.chip, "Answers verified on this ");
        return activity;
    }

    /** Turns the phone on its side: another activity is made. */
    static void turn(ActivityController<?> controller) {
        RuntimeEnvironment.setQualifiers("w891dp-h411dp-land-xhdpi");
        controller.configurationChange();
    }

    static void choosePhoto(Activity activity, byte[] content) {
        offer(activity, () -> new ByteArrayInputStream(content));
        waitForResult(activity);
    }

    /** Answers as the photo picker does. */
    static void offer(Activity activity, Supplier<InputStream> content) {
        shadowOf(RuntimeEnvironment.getApplication().getContentResolver())
                .registerInputStreamSupplier(PHOTO, content);
        activity.findViewById(R.id.photo).performClick();
        Intent asked = shadowOf(activity).getNextStartedActivityForResult().intent;
        assertEquals(Intent.ACTION_OPEN_DOCUMENT, asked.getAction());
        assertEquals("image/*", asked.getType());
        shadowOf(activity).receiveResult(asked, Activity.RESULT_OK, new Intent().setData(PHOTO));
    }

    /** A PNG of one colour. */
    static byte[] square(int side, int color) {
        Bitmap bitmap = Bitmap.createBitmap(side, side, Bitmap.Config.ARGB_8888);
        bitmap.eraseColor(color);
        ByteArrayOutputStream png = new ByteArrayOutputStream();
        bitmap.compress(Bitmap.CompressFormat.PNG, 100, png);
        return png.toByteArray();
    }

    static List<View> all(View view) {
        List<View> views = new ArrayList<>();
        views.add(view);
        if (view instanceof ViewGroup) {
            for (int i = 0; i < ((ViewGroup) view).getChildCount(); i++) {
                views.addAll(all(((ViewGroup) view).getChildAt(i)));
            }
        }
        return views;
    }

    static String text(Activity activity, int id) {
        return ((TextView) activity.findViewById(id)).getText().toString();
    }

    static void waitForText(Activity activity, int id, String words) {
        waitFor(words, () -> text(activity, id).contains(words), activity);
    }

    static void waitForResult(Activity activity) {
        waitFor("a result", () -> activity.findViewById(R.id.times).getVisibility() == View.VISIBLE, activity);
    }

    static void waitFor(String what, Condition condition, Activity... shown) {
        long end = System.currentTimeMillis() + PATIENCE_MS;
        try {
            while (!condition.holds()) {
                if (System.currentTimeMillis() > end) {
                    String words = shown.length == 0 ? "" : "; the screen says: " + text(shown[0], R.id.chip) + ", "
                            + text(shown[0], R.id.headline) + ", " + text(shown[0], R.id.message);
                    fail("there is no " + what + words);
                }
                shadowOf(Looper.getMainLooper()).idle();
                Thread.sleep(5);
            }
        } catch (Exception failure) {
            throw new AssertionError(failure);
        }
        shadowOf(Looper.getMainLooper()).idle();
    }

    static void grant() {
        shadowOf(RuntimeEnvironment.getApplication()).grantPermissions("android.permission.CAMERA");
    }

    /** The main screen, verified, on a phone with a camera that is mounted as most are. */
    ActivityController<MainActivity> withCamera() {
        grant();
        ActivityController<MainActivity> controller = start();
        MainActivity activity = controller.get();
        waitForText(activity, R.id.chip, "Answers verified");
        CameraCharacteristics characteristics = ShadowCameraCharacteristics.newCameraCharacteristics();
        ShadowCameraCharacteristics facts = Shadow.extract(characteristics);
        facts.set(CameraCharacteristics.LENS_FACING, CameraCharacteristics.LENS_FACING_BACK);
        facts.set(CameraCharacteristics.SENSOR_ORIENTATION, 90);
        shadowOf(activity.getSystemService(CameraManager.class)).addCamera("0", characteristics);
        return controller;
    }

    /** Presses Camera, and gives the preview the surface that it asks for. */
    static void openCamera(MainActivity activity) {
        activity.findViewById(R.id.camera).performClick();
        PreviewView preview = activity.findViewById(R.id.preview);
        waitFor("size of the preview", () -> preview.wanted() != null, activity);
        // Robolectric's holder has no surface to give.
        activity.presenter().onSurface(new Surface());
    }

    /** The cameras that were opened so far. */
    static List<Object> devices() {
        Collection<?> created = ReflectionHelpers.getStaticField(ShadowCameraManager.class, "createdCameras");
        return new ArrayList<>(created);
    }

    /** Writes a view as a PNG into the output folder. */
    static void picture(View view, String name) throws IOException {
        Bitmap bitmap = Bitmap.createBitmap(view.getWidth(), view.getHeight(), Bitmap.Config.ARGB_8888);
        view.draw(new Canvas(bitmap));
        File file = new File(System.getProperty("mobilecnn.output"), name + ".png");
        try (FileOutputStream stream = new FileOutputStream(file)) {
            assertTrue(bitmap.compress(Bitmap.CompressFormat.PNG, 100, stream));
        }
    }
}
