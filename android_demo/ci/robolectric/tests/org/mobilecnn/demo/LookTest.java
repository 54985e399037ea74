package org.mobilecnn.demo;

import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.app.Dialog;
import android.graphics.Color;
import android.os.Looper;
import android.view.View;
import android.view.ViewGroup;
import android.widget.Spinner;
import android.widget.TextView;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import org.junit.Test;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.annotation.Config;
import org.robolectric.shadows.ShadowDialog;

/** How the screens look on phones and tablets, in light and dark, with large text; and what screen readers say. */
public final class LookTest extends AppTestCase {
    /** Contrast of text that WCAG 2 asks for at level AA. */
    private static final double AA = 4.5;

    @Test
    public void phone() throws Exception {
        MainActivity activity = shown();
        picture(activity.getWindow().getDecorView(), "phone");
    }

    @Test
    @Config(qualifiers = "w891dp-h411dp-land-xhdpi")
    public void landscape() throws Exception {
        picture(shown().getWindow().getDecorView(), "landscape");
    }

    @Test
    @Config(qualifiers = "w1280dp-h800dp-land-mdpi")
    public void tablet() throws Exception {
        picture(shown().getWindow().getDecorView(), "tablet");
    }

    @Test
    @Config(qualifiers = "+night")
    public void dark() throws Exception {
        picture(shown().getWindow().getDecorView(), "dark");
    }

    @Test
    public void largeText() throws Exception {
        RuntimeEnvironment.setFontScale(2.0f);
        picture(shown().getWindow().getDecorView(), "large-text");
    }

    @Test
    public void settings() throws Exception {
        MainActivity activity = shown();
        activity.findViewById(R.id.settings).performClick();
        shadowOf(Looper.getMainLooper()).idle();
        Dialog sheet = ShadowDialog.getLatestDialog();
        named(sheet.findViewById(R.id.settings_list), sheet.findViewById(R.id.settings_list));
        picture(sheet.getWindow().getDecorView(), "settings");
    }

    @Test
    public void everyControlHasANameForScreenReaders() {
        MainActivity activity = shown();
        named(activity.findViewById(android.R.id.content), activity.findViewById(android.R.id.content));
    }

    @Test
    public void contrastIsEnoughInLight() {
        contrasts();
    }

    @Test
    @Config(qualifiers = "+night")
    public void contrastIsEnoughInDark() {
        contrasts();
    }

    /** Before Android 12 the colours are the app's own. */
    @Test
    @Config(sdk = 34)
    public void ownColoursContrastToo() {
        for (String qualifiers : new String[] {"notnight", "night"}) {
            RuntimeEnvironment.setQualifiers("+" + qualifiers);
            int[][] pairs = {
                {R.color.text, R.color.sheet}, {R.color.faint, R.color.sheet}, {R.color.text, R.color.background},
                {R.color.faint, R.color.background}, {R.color.on_accent, R.color.accent}, {R.color.text, R.color.track},
            };
            for (int[] pair : pairs) {
                contrast(qualifiers, color(pair[0]), color(pair[1]));
            }
        }
    }

    private void contrasts() {
        for (Words words : Words.values()) {
            if (words != Words.NONE) {
                contrast(words.name(), color(words.onColor), color(words.color));
            }
        }
        Look look = new Look(RuntimeEnvironment.getApplication());
        contrast("text", look.text, look.sheet);
        contrast("faint", look.faint, look.sheet);
        contrast("faint", look.faint, look.background);
        contrast("accent", look.onAccent, look.accent);
        contrast("button", look.text, look.track);
    }

    private static int color(int id) {
        return RuntimeEnvironment.getApplication().getColor(id);
    }

    private static void contrast(String what, int color, int other) {
        double lighter = Math.max(Color.luminance(color), Color.luminance(other)) + 0.05;
        double darker = Math.min(Color.luminance(color), Color.luminance(other)) + 0.05;
        assertTrue(what + ": " + lighter / darker, lighter / darker >= AA);
    }

    /** The main screen with a photo's answer: of the folder {@code mobilecnn.photo}, or a golden picture. */
    private MainActivity shown() {
        MainActivity activity = verified();
        File file = new File(System.getProperty("mobilecnn.output"), "photo.jpg");
        offer(activity, () -> file.exists() ? open(file) : new ByteArrayInputStream(photo));
        waitForResult(activity);
        return activity;
    }

    private static InputStream open(File file) {
        try {
            return Files.newInputStream(file.toPath());
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
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
}
