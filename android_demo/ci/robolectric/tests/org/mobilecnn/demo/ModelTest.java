package org.mobilecnn.demo;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertSame;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.app.AlertDialog;
import android.app.Dialog;
import android.graphics.Rect;
import android.os.Looper;
import android.widget.Spinner;
import android.widget.TextView;
import java.io.File;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.Test;
import org.mobilecnn.core.ModelRuntime;
import org.mobilecnn.core.Problem;
import org.mobilecnn.core.ScreenState;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.shadows.ShadowDialog;
import org.robolectric.shadows.ShadowLog;
import org.robolectric.util.ReflectionHelpers;

/** Loading models: the verdict on their answers, the settings, and what survives a turn of the phone. */
public final class ModelTest extends AppTestCase {
    @Test
    public void theFirstModelIsLoadedAndItsAnswersAreVerified() {
        MainActivity activity = verified();
        assertEquals("Ready", text(activity, R.id.headline));
        assertEquals(models.get(0), text(activity, R.id.model_name));
        List<ShadowLog.LogItem> logged = ShadowLog.getLogsForTag("mobilecnn");
        assertEquals(models.get(0) + ": answers VERIFIED", logged.get(logged.size() - 1).msg);
        activity.findViewById(R.id.chip).performClick();
        assertTrue(said(), said().startsWith("The model was asked pictures whose answers are known."));
    }

    @Test
    public void everyModelAndItsPlacesCanBeChosen() {
        MainActivity activity = verified();
        for (int i = models.size() - 1; i >= 0; i--) {
            activity.findViewById(R.id.settings).performClick();
            Dialog sheet = ShadowDialog.getLatestDialog();
            Spinner spinner = sheet.findViewById(R.id.model);
            assertEquals(models.size(), spinner.getCount());
            spinner.setSelection(i);
            sheet.<Spinner>findViewById(R.id.kernels).setSelection(1);
            final String model = models.get(i);
            waitFor(model, () -> model.equals(activity.presenter().chosen().model)
                    && activity.presenter().chosen().kernels == Classifier.Kernels.BUILTIN, activity);
            waitForText(activity, R.id.chip, "Answers verified");
            sheet.findViewById(R.id.details).setEnabled(true);
            sheet.findViewById(R.id.details).performClick();
            assertFalse(sheet.isShowing());
            assertTrue(said(), said().startsWith(model + "\nFormat: "));
            assertTrue(said(), said().contains("SHA-256: "));
        }
    }

    /** Whatever is chosen while the thread is busy, only the last choice is loaded. */
    @Test
    public void fourQuickChoicesAreOneLoad() throws Exception {
        MainActivity activity = verified();
        Presenter presenter = activity.presenter();
        CountDownLatch gate = new CountDownLatch(1);
        presenter.session().post(gate::await);
        for (int threads = 2; threads <= 5; threads++) {
            presenter.choose(new ModelSession.Choice(models.get(0), threads, Classifier.Kernels.BUILTIN));
        }
        int before = presenter.session().loads();
        gate.countDown();
        waitForText(activity, R.id.chip, "Answers verified");
        assertEquals(before + 1, presenter.session().loads());
        assertEquals(5, presenter.chosen().threads);
    }

    /** The runtime of a model whose closing fails, as a driver's may; a broken one cannot run, either. */
    private static Classifier unclosable(Classifier model, boolean broken) {
        ModelRuntime whole = ReflectionHelpers.getField(model, "runtime");
        ReflectionHelpers.setField(model, "runtime", new ModelRuntime() {
            @Override
            public void run(ByteBuffer input, ByteBuffer output) throws Problem {
                if (broken) {
                    throw new Problem(Problem.MODEL_FILE, "of a broken driver");
                }
                whole.run(input, output);
            }

            @Override
            public Long nativeNanos() {
                return whole.nativeNanos();
            }

            @Override
            public void close() {
                whole.close();
                throw new IllegalStateException("of a driver");
            }
        });
        return model;
    }

    private static void choose(MainActivity activity, Classifier.Kernels kernels) {
        Presenter presenter = activity.presenter();
        presenter.choose(new ModelSession.Choice(presenter.chosen().model, 1, kernels));
        waitFor("verdict", () -> presenter.state().trust != ScreenState.Trust.LOADING, activity);
    }

    /** The next model does not depend on whether the one before it can be closed. */
    @Test
    public void aModelThatCannotBeClosedIsLeftOpen() {
        MainActivity activity = verified();
        ModelSession session = activity.presenter().session();
        ModelSession.Loader usual = session.loader;
        session.loader = (file, card, choice) -> unclosable(usual.load(file, card, choice), false);
        choose(activity, Classifier.Kernels.BUILTIN);
        assertEquals("Answers verified on this phone", text(activity, R.id.chip));
        session.loader = usual;
        choose(activity, Classifier.Kernels.XNNPACK);
        assertEquals("Answers verified on this phone", text(activity, R.id.chip));
    }

    /** Nor is it unknown why a model cannot run that cannot be closed, either. */
    @Test
    public void aModelThatCannotRunAndCannotBeClosedIsRefused() {
        MainActivity activity = verified();
        ModelSession session = activity.presenter().session();
        ModelSession.Loader usual = session.loader;
        session.loader = (file, card, choice) -> unclosable(usual.load(file, card, choice), true);
        choose(activity, Classifier.Kernels.BUILTIN);
        assertEquals("This model cannot run here", text(activity, R.id.chip));
        assertEquals("of a broken driver", activity.presenter().state().reason);
    }

    /** A verdict stays where it is, whatever is looked at and whatever goes wrong. */
    @Test
    public void theVerdictOnWrongAnswersStays() throws Exception {
        File wrong = misremembering();
        use(wrong.getPath());
        MainActivity activity = start().get();
        String verdict = "Wrong answers on this phone";
        waitForText(activity, R.id.chip, verdict);
        activity.findViewById(R.id.chip).performClick();
        assertTrue(said(), said().contains("golden picture "));
        int[] place = seen(activity, verdict);
        choosePhoto(activity, photo);
        assertArrayEquals(place, seen(activity, verdict));
        offer(activity, () -> new java.io.ByteArrayInputStream(new byte[9]));
        waitForText(activity, R.id.message, "cannot be read");
        assertArrayEquals(place, seen(activity, verdict));
        activity.onRequestPermissionsResult(1, new String[] {"android.permission.CAMERA"}, new int[] {-1});
        waitForText(activity, R.id.message, "may not be used");
        assertArrayEquals(place, seen(activity, verdict));
    }

    /** Expects the chip to be seen with this text: where it is, from the left and from above. */
    private static int[] seen(MainActivity activity, String verdict) {
        TextView chip = activity.findViewById(R.id.chip);
        assertTrue(chip.isShown() && chip.getGlobalVisibleRect(new Rect()));
        assertEquals(verdict, chip.getText().toString());
        int[] place = new int[2];
        chip.getLocationInWindow(place);
        return place;
    }

    /** A turned phone has another activity, and the same model, photo and answer. */
    @Test
    public void turningThePhoneLoadsNothing() {
        ActivityController<MainActivity> controller = start();
        MainActivity before = controller.get();
        waitForText(before, R.id.chip, "Answers verified");
        choosePhoto(before, photo);
        Presenter presenter = before.presenter();
        int loads = presenter.session().loads();
        before.findViewById(R.id.chip).performClick();
        Dialog dialog = ShadowDialog.getLatestDialog();
        turn(controller);
        MainActivity after = controller.get();
        assertSame(presenter, after.presenter());
        shadowOf(Looper.getMainLooper()).idle();
        // Of a picture that is hard to tell it says so.
        assertTrue(text(after, R.id.headline), text(after, R.id.headline).endsWith(label));
        assertEquals("Answers verified on this phone", text(after, R.id.chip));
        assertEquals(loads, presenter.session().loads());
        assertFalse("the dialog of an activity ends with it", dialog.isShowing());
    }

    /** Whatever fails on the model's thread is words on the screen. */
    @Test
    public void anExceptionOfTheThreadIsAMessage() {
        MainActivity activity = verified();
        activity.presenter().session().post(() -> {
            throw new IllegalStateException("of no known kind");
        });
        waitForText(activity, R.id.message, "Something went wrong (of no known kind)");
        assertNull(activity.presenter().state().outcome);
    }

    /** The text of the dialog that came last. */
    private static String said() {
        shadowOf(Looper.getMainLooper()).idle();
        AlertDialog dialog = (AlertDialog) ShadowDialog.getLatestDialog();
        return String.valueOf(((TextView) dialog.findViewById(android.R.id.message)).getText());
    }
}
