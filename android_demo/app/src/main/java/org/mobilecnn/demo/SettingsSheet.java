package org.mobilecnn.demo;

import android.app.Dialog;
import android.content.Intent;
import android.graphics.drawable.InsetDrawable;
import android.os.Bundle;
import android.view.Gravity;
import android.view.View;
import android.view.ViewGroup;
import android.view.Window;
import android.view.WindowManager;
import android.widget.AdapterView;
import android.widget.ArrayAdapter;
import android.widget.Button;
import android.widget.SeekBar;
import android.widget.Spinner;
import android.widget.TextView;
import java.text.NumberFormat;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;

/** The sheet of settings: the model and how it runs, and what is shown of its answers. Each takes effect at once. */
final class SettingsSheet extends Dialog {
    private final MainActivity activity;
    private final Presenter presenter;
    private final List<Classifier.Kernels> kernels = Settings.kernels();

    /** The models of the list: what is chosen there is one of these, whatever models there are meanwhile. */
    private List<String> models = Collections.emptyList();

    /** The model that was chosen when the list's selection was last set by this class. */
    private String selectedModel;

    SettingsSheet(MainActivity activity, Presenter presenter) {
        super(activity, R.style.SheetTheme);
        this.activity = activity;
        this.presenter = presenter;
    }

    @Override
    protected void onCreate(Bundle saved) {
        super.onCreate(saved);
        setContentView(R.layout.settings);
        // Not shown: what screen readers call the window.
        setTitle(R.string.settings);
        Look look = new Look(activity);
        Window window = getWindow();
        window.setBackgroundDrawable(new InsetDrawable(look.shape(look.sheet, 28), 0));
        window.setLayout(WindowManager.LayoutParams.MATCH_PARENT, WindowManager.LayoutParams.WRAP_CONTENT);
        window.setGravity(Gravity.BOTTOM);
        color((ViewGroup) findViewById(R.id.settings_list), look);
        fillModels();
        ModelSession.Choice chosen = presenter.chosen();
        List<String> threads = new ArrayList<>();
        for (int count = 1; count <= Runtime.getRuntime().availableProcessors(); count++) {
            threads.add(String.valueOf(count));
        }
        fill(R.id.threads, threads, chosen == null ? 0 : chosen.threads - 1);
        List<String> places = new ArrayList<>();
        int[] names = {R.string.on_xnnpack, R.string.on_builtin, R.string.on_gpu};
        for (Classifier.Kernels each : kernels) {
            places.add(activity.getString(names[each.ordinal()]));
        }
        fill(R.id.kernels, places, chosen == null ? 0 : kernels.indexOf(chosen.kernels));
        fillShown(look);
        onClick(R.id.details, activity::showDetails);
        onClick(R.id.open_model, () -> {
            dismiss();
            activity.chooseModel();
        });
        onClick(R.id.remove, activity::offerToRemove);
        onClick(R.id.timing, () -> {
            dismiss();
            activity.startActivity(new Intent(activity, TimingActivity.class));
        });
        onClick(R.id.close, this::dismiss);
        refresh();
    }

    /** Shows what there is now; a model may be copied while the sheet is open. */
    void refresh() {
        ModelSession.Choice chosen = presenter.chosen();
        findViewById(R.id.details).setEnabled(presenter.described() != null);
        findViewById(R.id.remove).setVisibility(
                chosen != null && Models.isOpened(chosen.model) ? View.VISIBLE : View.GONE);
        if (!models.equals(presenter.models())) {
            fillModels();
        } else if (chosen != null && !chosen.model.equals(selectedModel)) {
            // Not whenever the list has another one: the user may have chosen it just now, and the list tells of it later.
            selectedModel = chosen.model;
            this.<Spinner>findViewById(R.id.model).setSelection(Math.max(0, models.indexOf(selectedModel)));
        }
    }

    private void fillModels() {
        models = new ArrayList<>(presenter.models());
        List<String> titles = new ArrayList<>();
        for (String model : models) {
            titles.add(Models.title(model));
        }
        ModelSession.Choice chosen = presenter.chosen();
        selectedModel = chosen == null ? null : chosen.model;
        fill(R.id.model, titles, models.indexOf(selectedModel));
    }

    private void fillShown(Look look) {
        List<String> counts = new ArrayList<>();
        int selected = 0;
        for (int i = 0; i < Settings.RESULTS.length; i++) {
            counts.add(String.valueOf(Settings.RESULTS[i]));
            selected = Settings.RESULTS[i] == presenter.settings().results() ? i : selected;
        }
        fill(R.id.count, counts, selected);
        SeekBar threshold = findViewById(R.id.threshold);
        threshold.setProgressTintList(android.content.res.ColorStateList.valueOf(look.accent));
        threshold.setThumbTintList(android.content.res.ColorStateList.valueOf(look.accent));
        threshold.setProgress(presenter.settings().thresholdPercent());
        showThreshold(threshold.getProgress());
        threshold.setOnSeekBarChangeListener(new SeekBar.OnSeekBarChangeListener() {
            @Override
            public void onProgressChanged(SeekBar bar, int percent, boolean byUser) {
                showThreshold(percent);
                keepShown();
            }

            @Override
            public void onStartTrackingTouch(SeekBar bar) {
                // The change is what counts.
            }

            @Override
            public void onStopTrackingTouch(SeekBar bar) {
                // The change is what counts.
            }
        });
    }

    private void showThreshold(int percent) {
        String share = NumberFormat.getPercentInstance(Locale.getDefault()).format(percent / 100.0);
        this.<TextView>findViewById(R.id.threshold_label).setText(activity.getString(R.string.threshold, share));
    }

    private void keepShown() {
        int percent = this.<SeekBar>findViewById(R.id.threshold).getProgress();
        presenter.settings().keepShown(percent, Settings.RESULTS[selected(R.id.count)]);
        presenter.showAgain();
    }

    private void choose() {
        if (!models.isEmpty()) {
            presenter.choose(new ModelSession.Choice(models.get(selected(R.id.model)),
                    selected(R.id.threads) + 1, kernels.get(selected(R.id.kernels))));
        }
        keepShown();
    }

    private void color(ViewGroup group, Look look) {
        for (int i = 0; i < group.getChildCount(); i++) {
            View child = group.getChildAt(i);
            if (child instanceof Button) {
                look.button((Button) child, child.getId() == R.id.close);
            } else if (child instanceof TextView) {
                ((TextView) child).setTextColor(child.getId() == R.id.settings_title ? look.text : look.faint);
            } else if (child instanceof ViewGroup && !(child instanceof Spinner)) {
                color((ViewGroup) child, look);
            }
        }
    }

    private void fill(int id, List<String> entries, int selected) {
        Spinner spinner = findViewById(id);
        ArrayAdapter<String> adapter = new ArrayAdapter<>(activity, R.layout.choice, entries);
        adapter.setDropDownViewResource(R.layout.choice_in_list);
        spinner.setAdapter(adapter);
        spinner.setSelection(Math.max(0, selected));
        spinner.setOnItemSelectedListener(new AdapterView.OnItemSelectedListener() {
            @Override
            public void onItemSelected(AdapterView<?> parent, View row, int position, long identity) {
                choose();
            }

            @Override
            public void onNothingSelected(AdapterView<?> parent) {
                // Nothing to do.
            }
        });
    }

    private int selected(int id) {
        return Math.max(0, this.<Spinner>findViewById(id).getSelectedItemPosition());
    }

    private void onClick(int id, Runnable action) {
        findViewById(id).setOnClickListener(clicked -> action.run());
    }
}
