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
import java.util.concurrent.CountDownLatch;
import org.junit.Test;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.shadows.ShadowDialog;

/** Loading models: the verdict on their answers, the settings, and what survives a turn of the phone. */
public final class ModelTest extends AppTestCase {
    @Test
    public void theFirstModelIsLoadedAndItsAnswersAreVerified() {
        MainActivity activity = verified();
        assertEquals("Ready", text(activity, R.id.headline));
        assertEquals(models.get(0), text(activity, R.id.model_name));
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
