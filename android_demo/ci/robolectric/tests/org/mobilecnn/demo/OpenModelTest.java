package org.mobilecnn.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotEquals;
import static org.junit.Assert.assertNotSame;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.app.Activity;
import android.app.AlertDialog;
import android.app.Dialog;
import android.content.ClipData;
import android.content.ContentResolver;
import android.content.Intent;
import android.net.Uri;
import android.os.Bundle;
import android.os.Looper;
import android.view.Surface;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.Test;
import org.mobilecnn.core.ScreenState;
import org.mobilecnn.core.YuvFrame;
import org.robolectric.Robolectric;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.shadows.ShadowContentResolver;
import org.robolectric.shadows.ShadowDialog;

/** Opening a model of the phone: with its passport, without one, and what cannot be opened. */
public final class OpenModelTest extends AppTestCase {
    /** A plane for any part of a small frame. */
    private static final YuvFrame.Plane GREY = new YuvFrame.Plane(ByteBuffer.allocate(64 * 48), 64, 1);

    @Test
    public void aModelWithItsPassportIsVerifiedAndStays() throws Exception {
        MainActivity activity = verified();
        // Whatever the phone calls them, in whatever order.
        open(activity, asset(card(models.get(1))), asset(models.get(1)));
        waitForText(activity, R.id.model_name, models.get(1));
        waitForText(activity, R.id.chip, "Answers verified");
        assertEquals(models.size() + 1, activity.presenter().models().size());
        assertTrue(activity.presenter().chosen().model.startsWith("/"));
        MainActivity again = start().get();
        waitForText(again, R.id.model_name, models.get(1));
        assertEquals(models.size() + 1, again.presenter().models().size());
    }

    @Test
    public void withoutAPassportTheUserIsToldWhatIsUnknown() throws Exception {
        MainActivity activity = verified();
        String model = staged("colour");
        open(activity, asset(model));
        AlertDialog offer = dialog(activity);
        shadowOf(offer).clickOnItem(1);
        waitForText(activity, R.id.chip, "Answers not verified");
        offer(activity, () -> new ByteArrayInputStream(square(9, android.graphics.Color.GREEN)));
        waitForText(activity, R.id.headline, "class 1");
        assertTrue(Words.details(activity, activity.presenter().described()).contains("came without a passport"));
    }

    @Test
    public void thePassportCanBeChosenAfterwards() throws Exception {
        MainActivity activity = verified();
        open(activity, asset(models.get(1)));
        shadowOf(dialog(activity)).clickOnItem(0);
        shadowOf(Looper.getMainLooper()).idle();
        answer(activity, asset(card(models.get(1))));
        shadowOf(Looper.getMainLooper()).idle();
        assertFalse(ShadowDialog.getLatestDialog().isShowing());
        waitForText(activity, R.id.model_name, models.get(1));
        waitForText(activity, R.id.chip, "Answers verified");
    }

    @Test
    public void whatCannotBeOpenedIsAMessageAndChangesNothing() throws Exception {
        MainActivity activity = verified();
        open(activity, "neither".getBytes(StandardCharsets.US_ASCII));
        waitForText(activity, R.id.message, "is neither a TensorFlow Lite model nor a passport");
        open(activity, asset(card(models.get(0))));
        waitForText(activity, R.id.message, "Choose the .tflite file too");
        open(activity, asset(models.get(0)), asset(card(models.get(1))));
        waitForText(activity, R.id.message, "is not the file that its passport describes");
        open(activity, asset(models.get(0)), "{\"schema\": \"other\"}".getBytes(StandardCharsets.US_ASCII));
        waitForText(activity, R.id.message, "is not a passport");
        assertEquals(models.size(), activity.presenter().models().size());
        assertFalse(activity.presenter().state().busy);
        assertEquals("Answers verified on this phone", text(activity, R.id.chip));
    }

    @Test
    public void aDeviceWithoutAnAppThatOffersFilesIsAMessage() {
        MainActivity activity = verified();
        shadowOf(RuntimeEnvironment.getApplication()).checkActivities(true);
        press(activity);
        waitForText(activity, R.id.message, "There is no app on this device that offers files.");
        activity.findViewById(R.id.photo).performClick();
        waitForText(activity, R.id.message, "There is no app on this device that offers pictures.");
    }

    /** Another app that offers files may fail in any way, when it is asked for a name or for the content. */
    @Test
    public void anAppThatOffersFilesAndFailsIsAMessage() throws Exception {
        MainActivity activity = verified();
        ContentResolver resolver = RuntimeEnvironment.getApplication().getContentResolver();
        ShadowContentResolver.registerProviderInternal("test", new FailingProvider());
        open(activity, asset(models.get(1)), asset(card(models.get(1))));
        waitForText(activity, R.id.model_name, models.get(1));
        waitForText(activity, R.id.chip, "Answers verified");
        Uri broken = Uri.parse("content://test/broken");
        shadowOf(resolver).registerInputStreamSupplier(broken, () -> {
            throw new IllegalArgumentException("of its own");
        });
        activity.presenter().opening().open(Collections.singletonList(broken));
        waitForText(activity, R.id.message, "broken cannot be opened (of its own). Copy it to the phone again");
        assertFalse(activity.presenter().state().busy);
    }

    /** Back, or a touch beside the offer, gives it up as Cancel does. */
    @Test
    public void anOfferThatIsGivenUpLeavesNothingBehind() throws Exception {
        MainActivity activity = verified();
        open(activity, asset(models.get(1)));
        AlertDialog offer = dialog(activity);
        assertTrue(waiting(".tflite").exists());
        offer.cancel();
        waitFor("end of the waiting", () -> !waiting(".tflite").exists(), activity);
    }

    /** Turning the phone takes back neither the offer nor what was opened. */
    @Test
    public void anOfferSurvivesATurnOfThePhone() throws Exception {
        ActivityController<MainActivity> controller = start();
        waitForText(controller.get(), R.id.chip, "Answers verified");
        open(controller.get(), asset(models.get(1)));
        AlertDialog before = dialog(controller.get());
        turn(controller);
        shadowOf(Looper.getMainLooper()).idle();
        AlertDialog after = dialog(controller.get());
        assertNotSame(before, after);
        shadowOf(after).clickOnItem(1);
        waitForText(controller.get(), R.id.chip, "Answers not verified");
        assertEquals("document-0.tflite", text(controller.get(), R.id.model_name));
        // It was taken: another turn does not offer it again.
        RuntimeEnvironment.setQualifiers("w411dp-h891dp-port-xhdpi");
        controller.configurationChange();
        shadowOf(Looper.getMainLooper()).idle();
        assertFalse(ShadowDialog.getLatestDialog().isShowing());
    }

    /** Nor does the end of the app's process, behind the app that offers files. */
    @Test
    public void anOfferSurvivesTheEndOfTheProcess() throws Exception {
        ActivityController<MainActivity> controller = start();
        waitForText(controller.get(), R.id.chip, "Answers verified");
        open(controller.get(), asset(models.get(1)));
        AlertDialog before = dialog(controller.get());
        Bundle saved = new Bundle();
        controller.saveInstanceState(saved).pause().stop().destroy();
        opened.remove(controller);
        assertFalse(before.isShowing());
        ActivityController<MainActivity> again = Robolectric.buildActivity(MainActivity.class);
        opened.add(again);
        MainActivity activity = again.setup(saved).get();
        shadowOf(dialog(activity)).clickOnItem(1);
        waitForText(activity, R.id.chip, "Answers not verified");
        assertEquals("document-0.tflite", text(activity, R.id.model_name));
    }

    /** Whoever looks for the passport and comes back without it has the offer again. */
    @Test
    public void anOfferReturnsWithoutAPassport() throws Exception {
        MainActivity activity = verified();
        open(activity, asset(models.get(1)));
        AlertDialog before = dialog(activity);
        shadowOf(before).clickOnItem(0);
        shadowOf(Looper.getMainLooper()).idle();
        assertFalse(before.isShowing());
        Intent asked = shadowOf(activity).getNextStartedActivityForResult().intent;
        shadowOf(activity).receiveResult(asked, Activity.RESULT_CANCELED, null);
        AlertDialog after = dialog(activity);
        assertNotSame(before, after);
        after.cancel();
        waitFor("end of the waiting", () -> !waiting(".tflite").exists(), activity);
        // Given up, it does not return.
        press(activity);
        asked = shadowOf(activity).getNextStartedActivityForResult().intent;
        shadowOf(activity).receiveResult(asked, Activity.RESULT_CANCELED, null);
        shadowOf(Looper.getMainLooper()).idle();
        assertFalse(after.isShowing());
        assertFalse(ShadowDialog.getLatestDialog().isShowing());
    }

    /** Nor does another file than the passport end the question: the user is told, and asked again. */
    @Test
    public void anOfferReturnsAfterAnotherFileThanThePassport() throws Exception {
        MainActivity activity = verified();
        open(activity, asset(models.get(1)));
        Map<byte[], String> wrong = new LinkedHashMap<>();
        wrong.put(photo, "is neither a TensorFlow Lite model nor a passport");
        wrong.put(asset(card(models.get(0))), "is not the file that its passport describes");
        wrong.put("{\"schema\": \"other\"}".getBytes(StandardCharsets.US_ASCII), "is not a passport");
        for (Map.Entry<byte[], String> file : wrong.entrySet()) {
            AlertDialog before = dialog(activity);
            shadowOf(before).clickOnItem(0);
            shadowOf(Looper.getMainLooper()).idle();
            answer(activity, file.getKey());
            waitForText(activity, R.id.message, file.getValue());
            assertNotSame(before, dialog(activity));
            assertFalse(activity.presenter().state().busy);
            assertFalse(waiting(".json").exists());
        }
        AlertDialog before = dialog(activity);
        shadowOf(before).clickOnItem(0);
        shadowOf(Looper.getMainLooper()).idle();
        Intent asked = shadowOf(activity).getNextStartedActivityForResult().intent;
        shadowOf(activity).receiveResult(asked, Activity.RESULT_OK, new Intent());
        shadowOf(dialog(activity)).clickOnItem(0);
        shadowOf(Looper.getMainLooper()).idle();
        answer(activity, asset(card(models.get(1))));
        waitForText(activity, R.id.model_name, models.get(1));
        waitForText(activity, R.id.chip, "Answers verified");
        assertEquals("", text(activity, R.id.message));
        assertFalse(ShadowDialog.getLatestDialog().isShowing());
    }

    @Test
    public void aDamagedModelWithoutAPassportLeavesNothingBehind() throws Exception {
        MainActivity activity = verified();
        open(activity, "....TFL3 and no more".getBytes(StandardCharsets.US_ASCII));
        shadowOf(dialog(activity)).clickOnItem(1);
        waitForText(activity, R.id.message, "cannot run");
        assertFalse(waiting(".tflite").exists());
        assertEquals(models.size(), activity.presenter().models().size());
    }

    /** A passport that was left over is not held against a model that somebody opens later. */
    @Test
    public void aWaitingPassportOfAnotherModelIsDropped() throws Exception {
        MainActivity activity = verified();
        open(activity, asset(card(models.get(0))));
        waitForText(activity, R.id.message, "Choose the .tflite file too");
        assertTrue(waiting(".json").exists());
        open(activity, asset(models.get(1)));
        dialog(activity);
        assertFalse(waiting(".json").exists());
        // The model still waits for its own.
        open(activity, asset(card(models.get(1))));
        waitForText(activity, R.id.model_name, models.get(1));
    }

    /** The camera goes on, and the model that was opened takes its frames. */
    @Test
    public void aModelCanBeOpenedWhileTheCameraIsOn() throws Exception {
        ActivityController<MainActivity> controller = withCamera();
        MainActivity activity = controller.get();
        Presenter presenter = activity.presenter();
        openCamera(activity);
        waitFor("camera", () -> devices().size() == 1, activity);
        presenter.feed().onFrame(64, 48, GREY, GREY, GREY);
        waitForResult(activity);
        String before = presenter.state().outcome.passport.sha256;
        press(activity);
        // The chooser is in front, and its answer comes before this screen is there again.
        controller.pause();
        answer(activity, asset(models.get(1)), asset(card(models.get(1))));
        controller.resume();
        waitFor("the opened model", () -> presenter.chosen().model.startsWith("/"), activity);
        waitForText(activity, R.id.chip, "Answers verified");
        assertEquals(ScreenState.Source.CAMERA, presenter.state().source);
        assertNull("an answer of the other model", presenter.state().outcome);
        assertFalse(presenter.state().busy);
        presenter.onSurface(new Surface());
        waitFor("camera again", () -> devices().size() == 2, activity);
        waitFor("wish for a frame", presenter.feed()::wantsFrame, activity);
        presenter.feed().onFrame(64, 48, GREY, GREY, GREY);
        waitForResult(activity);
        assertNotEquals(before, presenter.state().outcome.passport.sha256);
        assertEquals(presenter.described().sha256, presenter.state().outcome.passport.sha256);
        assertEquals("", text(activity, R.id.message));
    }

    private static File waiting(String suffix) {
        return new File(RuntimeEnvironment.getApplication().getCacheDir(), "opening" + suffix);
    }

    private AlertDialog dialog(MainActivity activity) {
        waitFor("offer", () -> ShadowDialog.getLatestDialog() instanceof AlertDialog
                && ShadowDialog.getLatestDialog().isShowing(), activity);
        return (AlertDialog) ShadowDialog.getLatestDialog();
    }

    static String card(String model) {
        return model.replace(".tflite", ".json");
    }

    static byte[] asset(String name) throws IOException {
        try (InputStream stream = RuntimeEnvironment.getApplication().getAssets().open("models/" + name)) {
            return stream.readAllBytes();
        }
    }

    /** Presses Open model in the settings, and chooses these files. */
    static void open(MainActivity activity, byte[]... files) {
        press(activity);
        answer(activity, files);
    }

    static void press(MainActivity activity) {
        activity.findViewById(R.id.settings).performClick();
        Dialog sheet = ShadowDialog.getLatestDialog();
        sheet.findViewById(R.id.open_model).performClick();
    }

    static void answer(MainActivity activity, byte[]... files) {
        ClipData chosen = null;
        for (int i = 0; i < files.length; i++) {
            Uri uri = Uri.parse("content://test/document-" + i);
            byte[] content = files[i];
            shadowOf(RuntimeEnvironment.getApplication().getContentResolver())
                    .registerInputStreamSupplier(uri, () -> new ByteArrayInputStream(content));
            if (chosen == null) {
                chosen = ClipData.newRawUri("", uri);
            } else {
                chosen.addItem(new ClipData.Item(uri));
            }
        }
        Intent asked = shadowOf(activity).getNextStartedActivityForResult().intent;
        assertEquals(Intent.ACTION_OPEN_DOCUMENT, asked.getAction());
        Intent data = new Intent();
        data.setClipData(chosen);
        shadowOf(activity).receiveResult(asked, Activity.RESULT_OK, data);
    }
}
