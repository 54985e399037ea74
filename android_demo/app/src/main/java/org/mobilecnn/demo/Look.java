package org.mobilecnn.demo;

import android.app.Activity;
import android.content.Context;
import android.content.res.ColorStateList;
import android.content.res.Configuration;
import android.graphics.Insets;
import android.graphics.drawable.ColorDrawable;
import android.graphics.drawable.GradientDrawable;
import android.os.Build;
import android.view.View;
import android.view.Window;
import android.view.WindowInsets;
import android.view.WindowInsetsController;
import android.widget.Button;

/** The colours of the screen: the phone's own where Android 12 or newer has them, else the app's. */
final class Look {
    /** Of the screen behind everything. */
    final int background;

    /** Of the sheet with the results. */
    final int sheet;

    /** Of text. */
    final int text;

    /** Of text that matters less. */
    final int faint;

    /** Of bars and of buttons to press first. */
    final int accent;

    /** Of text on {@link #accent}. */
    final int onAccent;

    /** Of bars' empty part. */
    final int track;

    private final boolean night;
    private final float density;

    Look(Context context) {
        density = context.getResources().getDisplayMetrics().density;
        night = (context.getResources().getConfiguration().uiMode & Configuration.UI_MODE_NIGHT_MASK)
                == Configuration.UI_MODE_NIGHT_YES;
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.S) {
            background = context.getColor(night ? android.R.color.system_neutral1_900 : android.R.color.system_neutral1_50);
            sheet = context.getColor(night ? android.R.color.system_neutral1_800 : android.R.color.system_neutral1_0);
            text = context.getColor(night ? android.R.color.system_neutral1_50 : android.R.color.system_neutral1_900);
            faint = context.getColor(night ? android.R.color.system_neutral2_200 : android.R.color.system_neutral2_700);
            accent = context.getColor(night ? android.R.color.system_accent1_200 : android.R.color.system_accent1_600);
            onAccent = context.getColor(night ? android.R.color.system_accent1_800 : android.R.color.system_accent1_0);
            track = context.getColor(night ? android.R.color.system_neutral2_700 : android.R.color.system_neutral2_100);
        } else {
            background = context.getColor(R.color.background);
            sheet = context.getColor(R.color.sheet);
            text = context.getColor(R.color.text);
            faint = context.getColor(R.color.faint);
            accent = context.getColor(R.color.accent);
            onAccent = context.getColor(R.color.on_accent);
            track = context.getColor(R.color.track);
        }
    }

    /** Colours an activity, and keeps its content clear of the bars and cut-outs of the system. */
    void dress(Activity activity) {
        activity.getWindow().setBackgroundDrawable(new ColorDrawable(background));
        dressBars(activity.getWindow());
        View content = activity.findViewById(R.id.root);
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.R) {
            content.setFitsSystemWindows(true);
            return;
        }
        content.setOnApplyWindowInsetsListener((view, insets) -> {
            Insets bars = insets.getInsets(WindowInsets.Type.systemBars() | WindowInsets.Type.displayCutout());
            view.setPadding(bars.left, bars.top, bars.right, bars.bottom);
            return WindowInsets.CONSUMED;
        });
    }

    /**
     * Gives the bars of the system the colour of the screen, and signs that are seen on it.
     *
     * <p>The theme has the app's own colours, and Android 12's are others. From Android 15 on the
     * screen lies behind the bars, which are transparent by themselves, except that Android makes the lower one nearly opaque
     * where it has three buttons.
     */
    @SuppressWarnings("deprecation")
    private void dressBars(Window window) {
        window.setStatusBarColor(background);
        window.setNavigationBarColor(background);
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.R) {
            View all = window.getDecorView();
            int light = View.SYSTEM_UI_FLAG_LIGHT_STATUS_BAR | View.SYSTEM_UI_FLAG_LIGHT_NAVIGATION_BAR;
            int others = all.getSystemUiVisibility() & ~light;
            all.setSystemUiVisibility(night ? others : others | light);
        } else {
            int light = WindowInsetsController.APPEARANCE_LIGHT_STATUS_BARS
                    | WindowInsetsController.APPEARANCE_LIGHT_NAVIGATION_BARS;
            window.getInsetsController().setSystemBarsAppearance(night ? 0 : light, light);
        }
    }

    /** A filled shape with corners of so many dp. */
    GradientDrawable shape(int color, float corner) {
        GradientDrawable shape = new GradientDrawable();
        shape.setColor(color);
        shape.setCornerRadius(corner * density);
        return shape;
    }

    /** Draws a button filled, the one to press first, or quiet. */
    void button(Button button, boolean first) {
        button.setAllCaps(false);
        button.setStateListAnimator(null);
        button.setBackground(new android.graphics.drawable.RippleDrawable(
                ColorStateList.valueOf(faint & 0x00FFFFFF | 0x33000000), shape(first ? accent : track, 28), null));
        int[][] states = {{-android.R.attr.state_enabled}, {}};
        int color = first ? onAccent : text;
        button.setTextColor(new ColorStateList(states, new int[] {color & 0x00FFFFFF | 0x99000000, color}));
        button.setCompoundDrawableTintList(ColorStateList.valueOf(color));
    }
}
