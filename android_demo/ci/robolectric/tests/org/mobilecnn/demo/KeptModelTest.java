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
import android.os.Looper;
import android.widget.TextView;
import com.eclipsesource.json.Json;
import com.eclipsesource.json.JsonObject;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;
import org.junit.Test;
import org.mobilecnn.core.Digest;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.shadows.ShadowDialog;

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
}
