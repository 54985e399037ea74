package org.mobilecnn.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.app.Activity;
import android.app.Dialog;
import android.content.Context;
import android.content.res.TypedArray;
import android.graphics.Color;
import android.graphics.drawable.AdaptiveIconDrawable;
import android.graphics.drawable.Drawable;
import android.os.Build;
import android.os.Looper;
import android.view.View;
import android.view.ViewGroup;
import android.view.Window;
import android.view.WindowInsetsController;
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
import org.robolectric.util.ReflectionHelpers;

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
        MainActivity activity = shown();
        picture(activity.getWindow().getDecorView(), "landscape");
        // Five results would be seen whole, without scrolling; the model may have fewer classes.
        ViewGroup results = activity.findViewById(R.id.results);
        View list = (View) results.getParent();
        int more = Math.max(0, 5 - results.getChildCount()) * results.getChildAt(0).getHeight();
        int room = ((View) list.getParent()).getHeight();
        assertTrue(list.getHeight() + more + " of " + room, list.getHeight() + more <= room);
    }

    @Test
    @Config(qualifiers = "w1280dp-h800dp-land-mdpi")
    public void tablet() throws Exception {
        MainActivity activity = shown();
        // A tablet is no phone.
        assertEquals("Answers verified on this device", text(activity, R.id.chip));
        picture(activity.getWindow().getDecorView(), "tablet");
    }

    @Test
    @Config(qualifiers = "w800dp-h1280dp-port-mdpi")
    public void tabletUpright() throws Exception {
        picture(shown().getWindow().getDecorView(), "tablet-upright");
    }

    @Test
    @Config(qualifiers = "+night")
    public void dark() throws Exception {
        picture(shown().getWindow().getDecorView(), "dark");
    }

    @Test
    public void wrongAnswers() throws Exception {
        picture(distrusted().getWindow().getDecorView(), "wrong");
    }

    @Test
    @Config(qualifiers = "+night")
    public void wrongAnswersInTheDark() throws Exception {
        picture(distrusted().getWindow().getDecorView(), "wrong-dark");
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
        assertEquals("Sure from 50%", sheet.<TextView>findViewById(R.id.threshold_label).getText().toString());
        // What is below each other has the same edges.
        assertEquals(left(sheet.findViewById(R.id.threshold_label)), left(sheet.findViewById(R.id.timing)));
        assertEquals(left(sheet.findViewById(R.id.count)) + sheet.findViewById(R.id.count).getWidth(),
                left(sheet.findViewById(R.id.close)) + sheet.findViewById(R.id.close).getWidth());
        picture(sheet.getWindow().getDecorView(), "settings");
    }

    /** From Android 13 on the icon takes the wallpaper's colours, from 12 on the screens do. */
    @Test
    public void theIconAndTheScreensTakeTheColoursOfThePhone() {
        Context context = RuntimeEnvironment.getApplication();
        Drawable icon = context.getApplicationInfo().loadIcon(context.getPackageManager());
        assertNotNull(((AdaptiveIconDrawable) icon).getMonochrome());
        for (boolean night : new boolean[] {false, true}) {
            RuntimeEnvironment.setQualifiers(night ? "+night" : "+notnight");
            Look look = new Look(context);
            assertEquals(color(night ? android.R.color.system_accent1_200 : android.R.color.system_accent1_600), look.accent);
            assertEquals(color(night ? android.R.color.system_neutral1_800 : android.R.color.system_neutral1_0), look.sheet);
        }
    }

    /** On every Android the bars have the colour of the screen, and signs that are seen on it. */
    @Test
    public void theBarsOfTheSystemAreThoseOfTheScreen() {
        int here = Build.VERSION.SDK_INT;
        for (boolean night : new boolean[] {false, true}) {
            RuntimeEnvironment.setQualifiers(night ? "+night" : "+notnight");
            for (int sdk = 26; sdk <= here; sdk++) {
                Activity activity = start().get();
                Window window = activity.getWindow();
                // What the theme says is gone, so that only what the app does is seen.
                window.setStatusBarColor(Color.MAGENTA);
                window.setNavigationBarColor(Color.MAGENTA);
                int bars = WindowInsetsController.APPEARANCE_LIGHT_STATUS_BARS
                        | WindowInsetsController.APPEARANCE_LIGHT_NAVIGATION_BARS;
                int flags = View.SYSTEM_UI_FLAG_LIGHT_STATUS_BAR | View.SYSTEM_UI_FLAG_LIGHT_NAVIGATION_BAR;
                window.getInsetsController().setSystemBarsAppearance(night ? bars : 0, bars);
                window.getDecorView().setSystemUiVisibility(night ? flags : 0);
                ReflectionHelpers.setStaticField(Build.VERSION.class, "SDK_INT", sdk);
                Look look;
                try {
                    look = new Look(activity);
                    look.dress(activity);
                } finally {
                    ReflectionHelpers.setStaticField(Build.VERSION.class, "SDK_INT", here);
                }
                String where = "Android API " + sdk + (night ? ", night" : ", day");
                assertEquals(where, look.background, window.getStatusBarColor());
                assertEquals(where, look.background, window.getNavigationBarColor());
                int seen = sdk < Build.VERSION_CODES.R ? window.getDecorView().getSystemUiVisibility() & flags
                        : window.getInsetsController().getSystemBarsAppearance() & bars;
                assertEquals(where, night ? 0 : sdk < Build.VERSION_CODES.R ? flags : bars, seen);
                assertEquals(where, night, Color.luminance(look.background) < 0.5);
            }
        }
    }

    /** The window before the app has begun: its signs are dark on light bars. */
    @Test
    public void theThemesBarsAreSeenBeforeTheAppHasBegun() {
        for (boolean night : new boolean[] {false, true}) {
            RuntimeEnvironment.setQualifiers(night ? "+night" : "+notnight");
            Context context = RuntimeEnvironment.getApplication();
            int[] attributes = {android.R.attr.windowLightStatusBar, android.R.attr.windowLightNavigationBar};
            TypedArray light = context.obtainStyledAttributes(R.style.AppTheme, attributes);
            for (int i = 0; i < attributes.length; i++) {
                assertEquals(!night, light.getBoolean(i, false));
            }
            light.recycle();
        }
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
        contrast("text", look.text, look.background);
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
        return answering(verified());
    }

    /** The same with a model whose answers differ from those in its passport. */
    private MainActivity distrusted() throws Exception {
        use(misremembering().getPath());
        MainActivity activity = start().get();
        waitForText(activity, R.id.chip, "Wrong answers on this phone");
        return answering(activity);
    }

    private MainActivity answering(MainActivity activity) {
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

    private static int left(View view) {
        int[] place = new int[2];
        view.getLocationInWindow(place);
        return place[0];
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
