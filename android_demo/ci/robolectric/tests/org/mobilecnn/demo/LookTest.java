package org.mobilecnn.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.app.Activity;
import android.app.Dialog;
import android.content.Context;
import android.content.res.TypedArray;
import android.graphics.Bitmap;
import android.graphics.Canvas;
import android.graphics.Color;
import android.graphics.drawable.AdaptiveIconDrawable;
import android.graphics.drawable.Drawable;
import android.os.Build;
import android.os.Looper;
import android.view.View;
import android.view.ViewGroup;
import android.view.Window;
import android.view.WindowInsetsController;
import android.widget.Button;
import android.widget.ImageView;
import android.widget.ProgressBar;
import android.widget.SeekBar;
import android.widget.Spinner;
import android.widget.TextView;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import org.junit.Test;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.android.controller.ActivityController;
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
        Look look = new Look(activity);
        assertEquals(look.text, activity.<TextView>findViewById(R.id.headline).getCurrentTextColor());
        ProgressBar bar = activity.<ViewGroup>findViewById(R.id.results).getChildAt(0).findViewById(R.id.bar);
        assertEquals(look.accent, bar.getProgressTintList().getDefaultColor());
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
        MainActivity activity = distrusted();
        picture(activity.getWindow().getDecorView(), "wrong");
        // It is not only said: what cannot be trusted looks otherwise.
        Look look = new Look(activity);
        TextView headline = activity.findViewById(R.id.headline);
        assertEquals(activity.getColor(R.color.wrong), headline.getCurrentTextColor());
        ProgressBar bar = activity.<ViewGroup>findViewById(R.id.results).getChildAt(0).findViewById(R.id.bar);
        assertEquals(look.faint & 0x80FFFFFF, bar.getProgressTintList().getDefaultColor());
        TextView chip = activity.findViewById(R.id.chip);
        assertNotNull("a sign that it can be pressed", chip.getCompoundDrawablesRelative()[2]);
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
        assertEquals("Say “Not sure” below 50%", sheet.<TextView>findViewById(R.id.threshold_label).getText().toString());
        // What is below each other has the same edges.
        assertEquals(left(sheet.findViewById(R.id.threshold_label)), left(sheet.findViewById(R.id.timing)));
        assertEquals(left(sheet.findViewById(R.id.count)) + sheet.findViewById(R.id.count).getWidth(),
                left(sheet.findViewById(R.id.close)) + sheet.findViewById(R.id.close).getWidth());
        // So has what is drawn: lists and their arrows, and the slider; letters keep a pixel or two to themselves.
        int begin = left(sheet.findViewById(R.id.timing));
        int end = left(sheet.findViewById(R.id.close)) + sheet.findViewById(R.id.close).getWidth();
        for (int id : new int[] {R.id.model, R.id.threshold_label, R.id.threshold, R.id.count}) {
            int[] edges = drawn(sheet.findViewById(id));
            String where = sheet.findViewById(id) + " is drawn from " + edges[0] + " to " + edges[1];
            assertEquals(where, begin, edges[0], 4);
            if (id != R.id.threshold_label) {
                assertEquals(where, end, edges[1], 2);
            }
        }
        int space = drawn(sheet.findViewById(R.id.threads))[0] - drawn(sheet.findViewById(R.id.kernels))[1];
        assertTrue("space between two lists: " + space, space >= 24);
        for (int percent : new int[] {0, 100}) {
            sheet.<SeekBar>findViewById(R.id.threshold).setProgress(percent);
            int[] edges = drawn(sheet.findViewById(R.id.threshold));
            assertTrue(edges[0] + " to " + edges[1], edges[0] >= begin && edges[1] <= end);
        }
        sheet.<SeekBar>findViewById(R.id.threshold).setProgress(50);
        picture(sheet.getWindow().getDecorView(), "settings");
    }

    /** The filled button is that of what is shown. */
    @Test
    public void theSourceIsSeen() {
        ActivityController<MainActivity> controller = withCamera();
        MainActivity activity = controller.get();
        Look look = new Look(activity);
        Button camera = activity.findViewById(R.id.camera);
        Button photoButton = activity.findViewById(R.id.photo);
        assertEquals(look.onAccent, camera.getCurrentTextColor());
        assertFalse(camera.isSelected());
        choosePhoto(activity, photo);
        assertEquals(look.text, camera.getCurrentTextColor());
        assertEquals(look.onAccent, photoButton.getCurrentTextColor());
        assertTrue(photoButton.isSelected());
        openCamera(activity);
        assertEquals(look.onAccent, camera.getCurrentTextColor());
        assertEquals(look.text, photoButton.getCurrentTextColor());
        assertTrue(camera.isSelected() && !photoButton.isSelected());
    }

    /** A square photo leaves no strips in a place that is nearly square; of a long one nothing is cut off. */
    @Test
    public void aPhotoFillsItsPlaceOrIsWhole() {
        MainActivity activity = verified();
        ImageView view = activity.findViewById(R.id.picture);
        for (int side : new int[] {40, 30, 80}) {
            Bitmap bitmap = Bitmap.createBitmap(side, 40, Bitmap.Config.ARGB_8888);
            bitmap.eraseColor(Color.GREEN);
            ByteArrayOutputStream png = new ByteArrayOutputStream();
            bitmap.compress(Bitmap.CompressFormat.PNG, 100, png);
            choosePhoto(activity, png.toByteArray());
            waitFor("end of the work", () -> !activity.presenter().state().busy, activity);
            shadowOf(Looper.getMainLooper()).idle();
            int[] edges = drawn(view);
            int strip = side == 30 ? (view.getWidth() - view.getHeight() * 30 / 40) / 2 : 0;
            assertEquals("width of " + side, left(view) + strip, edges[0], 1);
            assertEquals("width of " + side, left(view) + view.getWidth() - strip, edges[1], 1);
            assertEquals(side == 40 ? ImageView.ScaleType.CENTER_CROP : ImageView.ScaleType.FIT_CENTER, view.getScaleType());
        }
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
                {R.color.wrong, R.color.sheet},
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
        contrast("headline of wrong answers", color(R.color.wrong), look.sheet);
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

    /** The first column in which a view draws something, and the one after the last, in pixels of the window. */
    private static int[] drawn(View view) {
        Bitmap bitmap = Bitmap.createBitmap(view.getWidth(), view.getHeight(), Bitmap.Config.ARGB_8888);
        view.draw(new Canvas(bitmap));
        int[] edges = {view.getWidth(), 0};
        for (int x = 0; x < view.getWidth(); x++) {
            for (int y = 0; y < view.getHeight(); y++) {
                if (Color.alpha(bitmap.getPixel(x, y)) > 32) {
                    edges[0] = Math.min(edges[0], x);
                    edges[1] = x + 1;
                }
            }
        }
        return new int[] {left(view) + edges[0], left(view) + edges[1]};
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
