package org.mobilecnn.demo;

import android.content.Context;
import android.content.SharedPreferences;
import java.util.ArrayList;
import java.util.List;

/** What the user set, kept from one start of the app to the next. */
final class Settings {
    /** Numbers of results to choose from. */
    static final int[] RESULTS = {1, 3, 5, 10};

    private static final String MODEL = "model";
    private static final String THREADS = "threads";
    private static final String KERNELS = "kernels";
    private static final String THRESHOLD = "threshold";
    private static final String COUNT = "results";
    private static final int DEFAULT_PERCENT = 50;
    private static final int DEFAULT_COUNT = 5;

    private final SharedPreferences stored;

    Settings(Context context) {
        stored = context.getSharedPreferences("settings", Context.MODE_PRIVATE);
    }

    /** The places where a model can run in this build, the usual one first. */
    static List<Classifier.Kernels> kernels() {
        List<Classifier.Kernels> all = new ArrayList<>();
        all.add(Classifier.Kernels.XNNPACK);
        all.add(Classifier.Kernels.BUILTIN);
        if (Classifier.hasGpu()) {
            all.add(Classifier.Kernels.GPU);
        }
        return all;
    }

    /** The model to run and how, out of those there are; null where there is none. */
    ModelSession.Choice choice(List<String> models) {
        if (models.isEmpty()) {
            return null;
        }
        String model = stored.getString(MODEL, "");
        int cores = Runtime.getRuntime().availableProcessors();
        int threads = Math.max(1, Math.min(cores, stored.getInt(THREADS, 1)));
        Classifier.Kernels kernels = Classifier.Kernels.XNNPACK;
        for (Classifier.Kernels each : kernels()) {
            kernels = each.name().equals(stored.getString(KERNELS, "")) ? each : kernels;
        }
        return new ModelSession.Choice(models.contains(model) ? model : models.get(0), threads, kernels);
    }

    /** Keeps a choice. */
    void keep(ModelSession.Choice choice) {
        stored.edit().putString(MODEL, choice.model).putInt(THREADS, choice.threads)
                .putString(KERNELS, choice.kernels.name()).apply();
    }

    /** Probability in per cent below which the best class is no sure answer. */
    int thresholdPercent() {
        return Math.max(0, Math.min(100, stored.getInt(THRESHOLD, DEFAULT_PERCENT)));
    }

    /** Number of classes to show, one of {@link #RESULTS}. */
    int results() {
        int wanted = stored.getInt(COUNT, DEFAULT_COUNT);
        for (int count : RESULTS) {
            if (count == wanted) {
                return count;
            }
        }
        return DEFAULT_COUNT;
    }

    /** Keeps what is shown. */
    void keepShown(int thresholdPercent, int results) {
        stored.edit().putInt(THRESHOLD, thresholdPercent).putInt(COUNT, results).apply();
    }
}
