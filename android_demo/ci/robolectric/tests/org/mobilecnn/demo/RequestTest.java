package org.mobilecnn.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.app.Dialog;
import android.graphics.Color;
import android.net.Uri;
import android.os.Looper;
import android.widget.Spinner;
import android.widget.TextView;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.After;
import org.junit.Test;
import org.mobilecnn.core.ScreenState;
import org.robolectric.Robolectric;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.shadows.ShadowDialog;

/** Whatever is asked while other work goes on: each answer is that of what was asked for, and no work is for nobody. */
public final class RequestTest extends AppTestCase {
    private static final Uri FIRST = Uri.parse("content://test/first");
    private static final Uri SECOND = Uri.parse("content://test/second");

    private final List<CountDownLatch> gates = new ArrayList<>();

    /** Whatever waits still would wait for ever, and the model's thread with it. */
    @After
    public void openGates() {
        for (CountDownLatch gate : gates) {
            gate.countDown();
        }
    }

    private CountDownLatch gate() {
        gates.add(new CountDownLatch(1));
        return gates.get(gates.size() - 1);
    }

    /** A photo of an app that keeps its reader waiting. */
    private final class Slow implements Supplier<InputStream> {
        private final CountDownLatch asked = new CountDownLatch(1);
        private final CountDownLatch gate = gate();
        private final byte[] content;

        /** @param content null for a photo that cannot be read. */
        Slow(Uri uri, byte[] content) {
            this.content = content;
            shadowOf(RuntimeEnvironment.getApplication().getContentResolver()).registerInputStreamSupplier(uri, this);
        }

        @Override
        public InputStream get() {
            asked.countDown();
            try {
                gate.await();
            } catch (InterruptedException interrupt) {
                throw new IllegalStateException(interrupt);
            }
            if (content == null) {
                throw new IllegalArgumentException("of the first photo");
            }
            return new ByteArrayInputStream(content);
        }
    }

    /** Runs what the model's thread has for the screen, and expects the second photo to be waited for. */
    private static void expectSecondAwaited(MainActivity activity, Slow second) throws Exception {
        second.asked.await();
        shadowOf(Looper.getMainLooper()).idle();
        ScreenState state = activity.presenter().state();
        assertNull("the first photo's answer", state.outcome);
        assertEquals("", state.message);
        assertTrue(state.busy);
    }

    @Test
    public void theAnswerIsThatOfTheLatestPhoto() throws Exception {
        use(staged("colour"));
        MainActivity activity = verified();
        Slow first = new Slow(FIRST, square(9, Color.RED));
        Slow second = new Slow(SECOND, square(9, Color.BLUE));
        activity.presenter().openPhoto(FIRST);
        first.asked.await();
        activity.presenter().openPhoto(SECOND);
        first.gate.countDown();
        expectSecondAwaited(activity, second);
        second.gate.countDown();
        waitForText(activity, R.id.headline, "blue");
    }

    @Test
    public void theFailureOfAnEarlierPhotoIsNotTheLatestOnes() throws Exception {
        use(staged("colour"));
        MainActivity activity = verified();
        Slow first = new Slow(FIRST, null);
        Slow second = new Slow(SECOND, square(9, Color.BLUE));
        activity.presenter().openPhoto(FIRST);
        first.asked.await();
        activity.presenter().openPhoto(SECOND);
        first.gate.countDown();
        expectSecondAwaited(activity, second);
        second.gate.countDown();
        waitForText(activity, R.id.headline, "blue");
        assertEquals("", text(activity, R.id.message));
    }

    /** Nor is the failure of something else the end of the waiting. */
    @Test
    public void anotherFailureEndsNoWaiting() throws Exception {
        MainActivity activity = verified();
        Slow first = new Slow(FIRST, photo);
        activity.presenter().openPhoto(FIRST);
        first.asked.await();
        activity.presenter().session().tell("The camera stopped");
        waitForText(activity, R.id.message, "The camera stopped");
        assertTrue(activity.presenter().state().busy);
        first.gate.countDown();
        waitForResult(activity);
        assertFalse(activity.presenter().state().busy);
        assertEquals("The camera stopped", text(activity, R.id.message));
    }

    /** A photo that is shown, and then asked for again while a model is loaded. */
    private Slow shownAndAskedAgain(MainActivity activity, CountDownLatch gate) {
        new Slow(FIRST, photo).gate.countDown();
        activity.presenter().openPhoto(FIRST);
        waitForResult(activity);
        Slow again = new Slow(FIRST, photo);
        activity.presenter().session().post(gate::await);
        activity.presenter().choose(new ModelSession.Choice(models.get(0), 1, Classifier.Kernels.BUILTIN));
        return again;
    }

    /** Nor does a model that is loaded take back what the user was told, nor the photo's answer after it. */
    @Test
    public void whatIsSaidWhileAModelLoadsStays() throws Exception {
        MainActivity activity = verified();
        CountDownLatch gate = gate();
        Slow again = shownAndAskedAgain(activity, gate);
        activity.presenter().session().tell("a.bin cannot be opened");
        waitForText(activity, R.id.message, "a.bin cannot be opened");
        gate.countDown();
        waitForText(activity, R.id.chip, "Answers verified");
        assertEquals("a.bin cannot be opened", text(activity, R.id.message));
        assertTrue(activity.presenter().state().busy);
        again.gate.countDown();
        waitForResult(activity);
        assertEquals("a.bin cannot be opened", text(activity, R.id.message));
        assertFalse(activity.presenter().state().busy);
    }

    /** A model that is being opened is work that goes on, whatever else is shown or said. */
    @Test
    public void aModelThatIsOpenedIsWaitedFor() {
        MainActivity activity = verified();
        choosePhoto(activity, photo);
        Presenter presenter = activity.presenter();
        Slow first = new Slow(FIRST, "neither".getBytes(StandardCharsets.US_ASCII));
        presenter.opening().open(Arrays.asList(FIRST));
        assertTrue(presenter.state().busy);
        presenter.showAgain();
        assertTrue(presenter.state().busy);
        presenter.say("The camera stopped");
        assertTrue(presenter.state().busy);
        assertEquals("The camera stopped", text(activity, R.id.message));
        first.gate.countDown();
        waitForText(activity, R.id.message, "is neither a TensorFlow Lite model nor a passport");
        assertFalse(presenter.state().busy);
    }

    /** What is still worked on when the camera is chosen is not shown as the camera's, nor as a failure of it. */
    @Test
    public void aPhotoIsGivenUpForTheCamera() throws Exception {
        ActivityController<MainActivity> controller = withCamera();
        MainActivity activity = controller.get();
        for (byte[] content : new byte[][] {photo, null}) {
            Slow first = new Slow(FIRST, content);
            activity.presenter().openPhoto(FIRST);
            first.asked.await();
            openCamera(activity);
            first.gate.countDown();
            CountDownLatch done = new CountDownLatch(1);
            activity.presenter().session().post(done::countDown);
            done.await();
            shadowOf(Looper.getMainLooper()).idle();
            assertNull(activity.presenter().state().outcome);
            assertEquals("", activity.presenter().state().message);
        }
    }

    /** A photo that is shown is read again for the last of four quick choices alone. */
    @Test
    public void fourQuickChoicesAreOneReadingOfThePhoto() throws Exception {
        MainActivity activity = verified();
        AtomicInteger readings = new AtomicInteger();
        offer(activity, () -> {
            readings.incrementAndGet();
            return new ByteArrayInputStream(photo);
        });
        waitForResult(activity);
        int once = readings.getAndSet(0);
        assertTrue("streams: " + once, once > 0);
        Presenter presenter = activity.presenter();
        CountDownLatch gate = gate();
        presenter.session().post(gate::await);
        for (int threads = 2; threads <= 5; threads++) {
            presenter.choose(new ModelSession.Choice(models.get(0), threads, Classifier.Kernels.BUILTIN));
        }
        int loads = presenter.session().loads();
        gate.countDown();
        waitForResult(activity);
        assertEquals(once, readings.get());
        assertEquals(loads + 1, presenter.session().loads());
        assertFalse(presenter.state().busy);
    }

    /** The screen of speeds, started, once it says that other work is waited for. */
    private ActivityController<TimingActivity> waitingForOthers() {
        ActivityController<TimingActivity> controller = Robolectric.buildActivity(TimingActivity.class);
        opened.add(controller);
        TimingActivity timing = controller.setup().get();
        timing.findViewById(R.id.start).performClick();
        waitFor("waiting", () -> waits(timing));
        return controller;
    }

    private static boolean waits(TimingActivity timing) {
        return timing.<TextView>findViewById(R.id.message).getText().toString()
                .equals(timing.getString(R.string.timing_waiting));
    }

    /** The speeds are those of models that run alone: a photo that is being classified is waited for. */
    @Test
    public void speedsAreTimedWhenThePhotoIsDone() throws Exception {
        MainActivity activity = verified();
        Slow first = new Slow(FIRST, photo);
        activity.presenter().openPhoto(FIRST);
        first.asked.await();
        TimingActivity timing = waitingForOthers().get();
        TextView said = timing.findViewById(R.id.message);
        // Stop is heeded while it waits.
        timing.findViewById(R.id.start).performClick();
        waitFor("end", () -> said.getText().toString().equals("Stopped. Nothing was kept."));
        timing.findViewById(R.id.start).performClick();
        waitFor("waiting", () -> said.getText().toString().equals(timing.getString(R.string.timing_waiting)));
        first.gate.countDown();
        waitFor("measurement", () -> timing.findViewById(R.id.share).isEnabled());
        waitForResult(activity);
    }

    /** Nor do they begin between the loading of a model and the photo that waits for it. */
    @Test
    public void speedsAreTimedWhenNothingIsQueued() throws Exception {
        MainActivity activity = verified();
        CountDownLatch gate = gate();
        Slow again = shownAndAskedAgain(activity, gate);
        TimingActivity timing = waitingForOthers().get();
        gate.countDown();
        waitFor("the photo's turn", () -> again.asked.getCount() == 0, activity);
        assertTrue("a measurement before it", waits(timing));
        again.gate.countDown();
        waitFor("measurement", () -> timing.findViewById(R.id.share).isEnabled());
        waitForResult(activity);
    }

    /** What is waited for is said once, and to whom turns the phone, again, in the place of what was measured before. */
    @Test
    public void whatSpeedsWaitForIsSaidAfterATurnToo() throws Exception {
        new TimingHistory(RuntimeEnvironment.getApplication()).keep(TimingTest.record("2026-03-01T09:30:00+00:00"));
        MainActivity activity = verified();
        Slow first = new Slow(FIRST, photo);
        activity.presenter().openPhoto(FIRST);
        first.asked.await();
        ActivityController<TimingActivity> controller = waitingForOthers();
        turn(controller);
        shadowOf(Looper.getMainLooper()).idle();
        TimingActivity timing = controller.get();
        assertTrue(timing.<TextView>findViewById(R.id.message).getText().toString(), waits(timing));
        timing.findViewById(R.id.start).performClick();
        waitFor("end", () -> timing.<TextView>findViewById(R.id.message).getText().toString()
                .equals("Stopped. Nothing was kept."));
    }

    /** A model that is there already may be opened once more while the settings are open: they name it. */
    @Test
    public void theSettingsNameAModelThatIsOpenedAgain() throws Exception {
        MainActivity activity = verified();
        Presenter presenter = activity.presenter();
        String name = models.get(1);
        OpenModelTest.open(activity, OpenModelTest.asset(name), OpenModelTest.asset(OpenModelTest.card(name)));
        waitForText(activity, R.id.model_name, name);
        waitForText(activity, R.id.chip, "Answers verified");
        String path = presenter.chosen().model;
        presenter.choose(new ModelSession.Choice(models.get(0), 1, Classifier.Kernels.XNNPACK));
        waitForText(activity, R.id.chip, "Answers verified");
        CountDownLatch gate = gate();
        presenter.session().post(gate::await);
        OpenModelTest.open(activity, OpenModelTest.asset(name), OpenModelTest.asset(OpenModelTest.card(name)));
        activity.findViewById(R.id.settings).performClick();
        Dialog sheet = ShadowDialog.getLatestDialog();
        Spinner list = sheet.findViewById(R.id.model);
        shadowOf(Looper.getMainLooper()).idle();
        assertEquals(0, list.getSelectedItemPosition());
        gate.countDown();
        waitFor("the opened model", () -> path.equals(presenter.chosen().model), activity);
        waitForText(activity, R.id.chip, "Answers verified");
        assertEquals(presenter.models().indexOf(path), list.getSelectedItemPosition());
        // What else is chosen there is chosen for this model.
        sheet.<Spinner>findViewById(R.id.kernels).setSelection(1);
        waitFor("kernels", () -> presenter.chosen().kernels == Classifier.Kernels.BUILTIN, activity);
        assertEquals(path, presenter.chosen().model);
    }

    /** A model may be copied while the settings are open: what is chosen there is the model that the list names. */
    @Test
    public void theSettingsNameTheModelsThereAre() throws Exception {
        File folder = Models.opened(RuntimeEnvironment.getApplication());
        assertTrue(folder.isDirectory() || folder.mkdirs());
        copy(models.get(0), new File(folder, "own.tflite"));
        MainActivity activity = verified();
        CountDownLatch gate = gate();
        activity.presenter().session().post(gate::await);
        File model = new File(folder.getParentFile(), "another.tflite");
        copy(models.get(1), model);
        Uri[] uris = {FIRST, SECOND};
        File[] files = {model, new File(folder.getParentFile(), "another.json")};
        for (int i = 0; i < uris.length; i++) {
            byte[] content = Files.readAllBytes(files[i].toPath());
            String card = new String(content, StandardCharsets.UTF_8).replace(models.get(1), "another.tflite");
            byte[] named = i == 0 ? content : card.getBytes(StandardCharsets.UTF_8);
            shadowOf(activity.getContentResolver())
                    .registerInputStreamSupplier(uris[i], () -> new ByteArrayInputStream(named));
        }
        activity.presenter().opening().open(Arrays.asList(uris));
        activity.findViewById(R.id.settings).performClick();
        Spinner list = ShadowDialog.getLatestDialog().findViewById(R.id.model);
        assertEquals(models.size() + 1, list.getCount());
        gate.countDown();
        waitForText(activity, R.id.model_name, "another.tflite");
        assertEquals(models.size() + 2, list.getCount());
        assertEquals("another.tflite", list.getSelectedItem());
        for (int position = list.getCount() - 1; position >= 0; position--) {
            list.setSelection(position);
            String name = (String) list.getItemAtPosition(position);
            waitFor(name, () -> Models.title(activity.presenter().chosen().model).equals(name), activity);
        }
    }

    private static void copy(String bundled, File model) throws Exception {
        for (String end : new String[] {".tflite", ".json"}) {
            String name = "models/" + bundled.replace(".tflite", end);
            try (InputStream content = RuntimeEnvironment.getApplication().getAssets().open(name)) {
                Files.copy(content, new File(model.getPath().replace(".tflite", end)).toPath());
            }
        }
    }
}
