package org.mobilecnn.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.app.Activity;
import android.app.Dialog;
import android.graphics.Insets;
import android.graphics.Rect;
import android.os.Looper;
import android.text.Layout;
import android.view.View;
import android.view.WindowInsets;
import android.widget.ScrollView;
import android.widget.TextView;
import org.junit.Test;
import org.robolectric.Robolectric;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.annotation.Config;
import org.robolectric.shadows.ShadowDialog;

/** Where things are on phones and tablets, upright and on their side; and that nothing is cut off with large text. */
public final class LayoutTest extends AppTestCase {
    /** Space around what a tablet shows, and beside the text of a sheet, in dp. */
    private static final int MARGIN = 24;

    @Test
    public void onAPhoneThePictureIsAboveTheSheetAndBothAreAsWideAsTheScreen() {
        Activity activity = start().get();
        expect(activity, "picture", new Rect(0, 0, 411, 396), area(activity, R.id.picture));
        expect(activity, "sheet", new Rect(0, 396, 411, 891), area(activity, R.id.sheet));
        expectSpaces(activity, 20, 20);
    }

    @Test
    @Config(qualifiers = "w891dp-h411dp-land-xhdpi")
    public void onItsSideTheyHaveHalfOfTheScreenEach() {
        Activity activity = start().get();
        expect(activity, "picture", new Rect(0, 0, 445, 411), area(activity, R.id.picture));
        expect(activity, "sheet", new Rect(445, 0, 891, 411), area(activity, R.id.sheet));
        expectSpaces(activity, 12, 12);
    }

    @Test
    @Config(qualifiers = "w1280dp-h800dp-land-mdpi")
    public void onATabletTheSheetIsAColumnAndThePictureHasTheRest() {
        Activity activity = start().get();
        int sheet = 420;
        int right = 1280 - MARGIN;
        expect(activity, "sheet", new Rect(right - sheet, MARGIN, right, 800 - MARGIN), area(activity, R.id.sheet));
        expect(activity, "picture", new Rect(MARGIN, MARGIN, right - sheet - MARGIN, 800 - MARGIN),
                area(activity, R.id.picture));
        // Its own spaces, not those of a phone on its side.
        expectSpaces(activity, 20, 20);
    }

    @Test
    @Config(qualifiers = "w800dp-h1280dp-port-mdpi")
    public void onATabletUprightThePictureIsAboveTheSheet() throws Exception {
        Activity activity = start().get();
        int right = 800 - MARGIN;
        int half = (1280 - 3 * MARGIN) / 2;
        expect(activity, "picture", new Rect(MARGIN, MARGIN, right, MARGIN + half), area(activity, R.id.picture));
        expect(activity, "sheet", new Rect(MARGIN, 2 * MARGIN + half, right, 1280 - MARGIN), area(activity, R.id.sheet));
        expectSpaces(activity, 20, 20);
    }

    /** From Android 15 on the app is drawn behind the bars of the system, and must not hide anything there. */
    @Test
    public void barsAndCutOutsOfTheSystemCoverNothing() {
        ActivityController<TimingActivity> timing = Robolectric.buildActivity(TimingActivity.class);
        opened.add(timing);
        for (Activity activity : new Activity[] {start().get(), timing.setup().get()}) {
            View root = activity.findViewById(R.id.root);
            WindowInsets left = root.dispatchApplyWindowInsets(new WindowInsets.Builder()
                    .setInsets(WindowInsets.Type.statusBars(), Insets.of(0, 30, 0, 0))
                    .setInsets(WindowInsets.Type.navigationBars(), Insets.of(0, 0, 0, 40))
                    .setInsets(WindowInsets.Type.displayCutout(), Insets.of(50, 0, 0, 0))
                    .build());
            assertEquals(new Rect(50, 30, 0, 40), new Rect(
                    root.getPaddingLeft(), root.getPaddingTop(), root.getPaddingRight(), root.getPaddingBottom()));
            assertTrue(left.isConsumed());
        }
    }

    @Test
    @Config(qualifiers = "w360dp-h740dp-xhdpi")
    public void textAtTwiceItsSizeIsWholeOnASmallPhone() throws Exception {
        RuntimeEnvironment.setFontScale(2.0f);
        MainActivity activity = verified();
        choosePhoto(activity, photo);
        expectWhole(activity.findViewById(R.id.root));
        // Larger it is, too, and the icon with it; there are two pixels to a dp.
        TextView chip = activity.findViewById(R.id.chip);
        assertTrue("size " + chip.getTextSize(), chip.getTextSize() > 1.5 * 14 * 2);
        assertTrue(chip.getCompoundDrawablesRelative()[0].getBounds().height() > chip.getTextSize());
        activity.findViewById(R.id.settings).performClick();
        shadowOf(Looper.getMainLooper()).idle();
        Dialog sheet = ShadowDialog.getLatestDialog();
        expectWhole(sheet.findViewById(R.id.settings_list));
        picture(sheet.getWindow().getDecorView(), "settings-large-text");
        ActivityController<TimingActivity> timing = Robolectric.buildActivity(TimingActivity.class);
        opened.add(timing);
        expectWhole(timing.setup().get().findViewById(R.id.root));
        picture(timing.get().getWindow().getDecorView(), "timing-large-text");
    }

    @Test
    @Config(qualifiers = "w640dp-h320dp-land-xhdpi")
    public void theVerdictStaysInViewOnALowScreen() throws Exception {
        expectVerdictWhereverScrolled(1.0f);
    }

    @Test
    @Config(qualifiers = "w360dp-h740dp-xhdpi")
    public void theVerdictStaysInViewWithTextAtTwiceItsSize() throws Exception {
        expectVerdictWhereverScrolled(2.0f);
    }

    @Test
    @Config(qualifiers = "w740dp-h360dp-land-xhdpi")
    public void theVerdictStaysInViewWithTextAtTwiceItsSizeOnALowScreen() throws Exception {
        expectVerdictWhereverScrolled(2.0f);
    }

    /** However far the results are scrolled, the whole chip is seen, and nothing else is where it is. */
    private void expectVerdictWhereverScrolled(float scale) {
        RuntimeEnvironment.setFontScale(scale);
        MainActivity activity = verified();
        choosePhoto(activity, photo);
        View list = activity.findViewById(R.id.results);
        while (!(list instanceof ScrollView)) {
            list = (View) list.getParent();
        }
        View chip = activity.findViewById(R.id.chip);
        Rect before = area(activity, R.id.chip);
        list.scrollBy(0, 10_000);
        int most = ((ScrollView) list).getChildAt(0).getHeight() - list.getHeight();
        assertTrue("nothing to scroll", most > 0);
        assertEquals(most, list.getScrollY());
        Rect seen = new Rect();
        assertTrue(chip.isShown() && chip.getGlobalVisibleRect(seen));
        assertEquals(chip.getWidth() + " x " + chip.getHeight(), seen.width() + " x " + seen.height());
        assertEquals(before, area(activity, R.id.chip));
        int[] top = new int[2];
        list.getLocationInWindow(top);
        int[] corner = new int[2];
        chip.getLocationInWindow(corner);
        assertTrue("results behind the chip", corner[1] + chip.getHeight() <= top[1]);
    }

    /** The chip and the buttons keep these spaces to the sheet's edges, in dp, and its text those at its sides. */
    private static void expectSpaces(Activity activity, int top, int bottom) {
        Rect sheet = area(activity, R.id.sheet);
        activity.findViewById(R.id.chip).setVisibility(View.VISIBLE);
        relayout(activity);
        expect(activity, "chip", new Rect(sheet.left + MARGIN, sheet.top + top, 0, 0), corner(area(activity, R.id.chip)));
        Rect last = area(activity, R.id.settings);
        expect(activity, "settings", new Rect(0, 0, sheet.right - MARGIN, sheet.bottom - bottom),
                new Rect(0, 0, last.right, last.bottom));
    }

    private static void relayout(Activity activity) {
        shadowOf(Looper.getMainLooper()).idle();
        View decor = activity.getWindow().getDecorView();
        decor.measure(View.MeasureSpec.makeMeasureSpec(decor.getWidth(), View.MeasureSpec.EXACTLY),
                View.MeasureSpec.makeMeasureSpec(decor.getHeight(), View.MeasureSpec.EXACTLY));
        decor.layout(0, 0, decor.getWidth(), decor.getHeight());
    }

    private static Rect corner(Rect area) {
        return new Rect(area.left, area.top, 0, 0);
    }

    private static void expect(Activity activity, String what, Rect wanted, Rect found) {
        int worst = Math.max(Math.max(Math.abs(wanted.left - found.left), Math.abs(wanted.top - found.top)),
                Math.max(Math.abs(wanted.right - found.right), Math.abs(wanted.bottom - found.bottom)));
        assertTrue(what + " is at " + found + " dp, and should be at " + wanted, worst <= 1);
    }

    /** Where a view is, in dp; the picture has its place even while there is none. */
    private static Rect area(Activity activity, int id) {
        View view = activity.findViewById(id);
        View place = id == R.id.picture ? (View) view.getParent() : view;
        int[] corner = new int[2];
        place.getLocationInWindow(corner);
        float density = activity.getResources().getDisplayMetrics().density;
        return new Rect(Math.round(corner[0] / density), Math.round(corner[1] / density),
                Math.round((corner[0] + place.getWidth()) / density), Math.round((corner[1] + place.getHeight()) / density));
    }

    /** No text is shortened, taller than its view or broken within a word. */
    private static void expectWhole(View root) {
        int seen = 0;
        for (View view : all(root)) {
            if (view instanceof TextView && view.isShown() && ((TextView) view).getText().length() > 0) {
                seen++;
                expectOneWhole((TextView) view);
            }
        }
        assertTrue("texts: " + seen, seen > 4);
    }

    private static void expectOneWhole(TextView view) {
        Layout layout = view.getLayout();
        String words = view.getText().toString();
        int room = view.getHeight() - view.getCompoundPaddingTop() - view.getCompoundPaddingBottom();
        assertTrue(words + " has " + room + " pixels and needs " + layout.getHeight(), layout.getHeight() <= room);
        for (int line = 0; line < layout.getLineCount(); line++) {
            int end = layout.getLineEnd(line);
            assertEquals(words, 0, layout.getEllipsisCount(line));
            boolean broken = end < words.length() && Character.isLetter(words.charAt(end - 1))
                    && Character.isLetter(words.charAt(end));
            // Names of files have no places to break at.
            assertFalse(words + " is broken after " + words.substring(0, end), broken && !words.contains(".tflite"));
        }
    }
}
