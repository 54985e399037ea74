package org.mobilecnn.demo;

import android.app.Activity;
import android.view.View;
import android.widget.AdapterView;
import android.widget.ArrayAdapter;
import android.widget.Spinner;
import java.util.ArrayList;
import java.util.List;

/** The upper part of the screen: which model, how many threads, which kernels. */
final class ModelChooser {
    /** The recipient of the user's choices. */
    interface Listener {
        /** The user chose, or the screen was laid out: then once for each of the three. */
        void onChoice(ModelSession.Choice choice);
    }

    private final Activity activity;
    private final Listener listener;
    private final List<String> models;
    private final List<Classifier.Kernels> kernels = new ArrayList<>();

    /** Fills the choosers of the layout {@code main}, which the activity must have set. */
    ModelChooser(Activity activity, Listener listener) {
        this.activity = activity;
        this.listener = listener;
        models = Models.bundled(activity);
        fill(R.id.model, models);
        List<String> threads = new ArrayList<>();
        for (int count = 1; count <= Runtime.getRuntime().availableProcessors(); count++) {
            threads.add(String.valueOf(count));
        }
        fill(R.id.threads, threads);
        List<String> names = new ArrayList<>();
        kernels.add(Classifier.Kernels.XNNPACK);
        names.add(activity.getString(R.string.on_xnnpack));
        kernels.add(Classifier.Kernels.BUILTIN);
        names.add(activity.getString(R.string.on_builtin));
        if (Classifier.hasGpu()) {
            kernels.add(Classifier.Kernels.GPU);
            names.add(activity.getString(R.string.on_gpu));
        }
        fill(R.id.kernels, names);
    }

    /** Whether the app was built without models. */
    boolean isEmpty() {
        return models.isEmpty();
    }

    private void fill(int id, List<String> entries) {
        Spinner spinner = activity.findViewById(id);
        ArrayAdapter<String> adapter =
                new ArrayAdapter<>(activity, android.R.layout.simple_spinner_item, entries);
        adapter.setDropDownViewResource(android.R.layout.simple_spinner_dropdown_item);
        spinner.setAdapter(adapter);
        spinner.setOnItemSelectedListener(new AdapterView.OnItemSelectedListener() {
            @Override
            public void onItemSelected(AdapterView<?> parent, View view, int position, long row) {
                if (!models.isEmpty()) {
                    listener.onChoice(choice());
                }
            }

            @Override
            public void onNothingSelected(AdapterView<?> parent) {
                // Nothing to load.
            }
        });
    }

    private ModelSession.Choice choice() {
        return new ModelSession.Choice(
                models.get(selected(R.id.model)), selected(R.id.threads) + 1, kernels.get(selected(R.id.kernels)));
    }

    private int selected(int id) {
        return Math.max(0, ((Spinner) activity.findViewById(id)).getSelectedItemPosition());
    }
}
