package org.mobilecnn.demo;

import android.content.Context;
import android.net.Uri;
import android.os.Handler;
import android.os.Looper;
import android.os.Process;
import android.widget.Toast;
import com.eclipsesource.json.JsonObject;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.OffsetDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.mobilecnn.core.Passport;
import org.mobilecnn.core.Picture;
import org.mobilecnn.core.Problem;

/** A measurement that goes on, on a thread of its own; it outlives the screen when the phone is turned. */
final class Timings implements TimingRun.Surroundings {
    /** The recipient of what goes on; every method is called on the main thread. */
    interface Listener {
        /** @param words the text that says what is done with the model, with its number, of how many, and its name. */
        void onStep(int done, int total, String model, int words);

        /** It is over; {@code record} is null where it was stopped or failed, and {@code why} says so. */
        void onEnd(JsonObject record, String why);

        /** A measurement was saved, or could not be; {@code words} say so. */
        void onSaved(String words);
    }

    /** To the second, which {@link OffsetDateTime#toString} leaves out where it is 0. */
    private static final DateTimeFormatter CREATED = DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ssXXX", Locale.ROOT);

    /** Milliseconds between two looks at whether the measurement is to stop while it waits. */
    private static final long PATIENCE_MS = 100;

    private final Context context;
    private final Handler screen = new Handler(Looper.getMainLooper());
    private final AtomicBoolean stopped = new AtomicBoolean();
    private volatile boolean left;

    /** Names of the models that cannot run here, of the record that was begun at {@link #leftOutOf}. */
    private volatile List<String> leftOut = Collections.emptyList();

    private volatile String leftOutOf = "";

    // Used on the main thread only.
    private Listener listener;
    private boolean running;

    /** The latest step, for a screen that is made anew; null before the first. */
    private Runnable step;

    Timings(Context context) {
        this.context = context;
    }

    /** Has {@code other} hear of it from now on, and of the latest step at once; null for nobody. */
    void tell(Listener other) {
        listener = other;
        if (listener != null && running && step != null) {
            step.run();
        }
    }

    boolean running() {
        return running;
    }

    /** The app is no longer in front: the figures would be of something else. */
    void leave() {
        left = true;
    }

    void stop() {
        stopped.set(true);
    }

    /** Names of the models that were not timed for this record, because they cannot run here; none of other days' records. */
    List<String> leftOut(JsonObject record) {
        return record.getString("created", "?").equals(leftOutOf) ? leftOut : Collections.emptyList();
    }

    /** Begins to time all models, also those that were opened from the phone. */
    void start(int threads, boolean cool) {
        running = true;
        step = null;
        left = false;
        stopped.set(false);
        new Thread("benchmark") {
            @Override
            public void run() {
                Process.setThreadPriority(Process.THREAD_PRIORITY_FOREGROUND);
                measure(threads, cool);
            }
        }.start();
    }

    /** The time at which a record begins, ISO 8601 with the time zone. */
    static String created(OffsetDateTime now) {
        return CREATED.format(now);
    }

    private void measure(int threads, boolean cool) {
        Device device = new Device(context) {
            @Override
            public boolean leftFront() {
                return left;
            }
        };
        boolean alone = false;
        try {
            alone = waitForOthers();
            List<String> models = new ArrayList<>();
            List<String> titles = new ArrayList<>();
            List<String> refused = choose(threads, models, titles);
            String created = created(OffsetDateTime.now());
            JsonObject record = !goOn() ? null : new TimingRun(this, device, threads, cool)
                    .of(models, titles, created, "mobilecnn app " + version(), device.facts());
            if (record != null) {
                new TimingHistory(context).keep(record);
                leftOut = refused;
                leftOutOf = created;
            }
            end(record, record == null ? context.getString(R.string.timing_stopped) : "");
        } catch (Problem problem) {
            end(null, problem.getMessage());
        } catch (IOException unwritable) {
            end(null, context.getString(R.string.timing_unwritable, Words.reason(context, unwritable)));
        } catch (InterruptedException | RuntimeException | OutOfMemoryError | LinkageError failure) {
            end(null, Words.failure(context, failure));
        } finally {
            if (alone) {
                ModelSession.PROCESSOR.unlock();
            }
        }
    }

    /**
     * Waits until nothing is queued for the main screen's model: two models at once slow each other. Until the end of the
     * measurement that screen's work waits in its turn.
     *
     * @return false if the measurement is to stop.
     */
    private boolean waitForOthers() throws InterruptedException {
        for (boolean first = true; !beginAlone(); first = false) {
            if (first) {
                tell(0, 1, "", R.string.timing_waiting);
            }
            if (!goOn()) {
                return false;
            }
        }
        return true;
    }

    /** Takes the processor if nobody else has work for it; waits a little otherwise. */
    private static boolean beginAlone() throws InterruptedException {
        if (!ModelSession.PROCESSOR.tryLock(PATIENCE_MS, TimeUnit.MILLISECONDS)) {
            return false;
        }
        if (ModelSession.idle()) {
            return true;
        }
        // A model was loaded just now, and its first photo is next.
        ModelSession.PROCESSOR.unlock();
        Thread.sleep(PATIENCE_MS);
        return false;
    }

    /**
     * Looks for the models that can be timed: that load, run once, and have golden pictures. A measurement would end with
     * the first that cannot, and of what users open nobody knows beforehand. Stop ends the search, too.
     *
     * @param models receives them, as in {@link Models#all}.
     * @param titles receives their names in the record, each another.
     * @return the names of those that cannot.
     * @throws Problem if none can run.
     */
    private List<String> choose(int threads, List<String> models, List<String> titles) throws Problem {
        List<String> refused = new ArrayList<>();
        Problem why = null;
        List<String> all = Models.all(context);
        for (int index = 0; index < all.size() && goOn(); index++) {
            String model = all.get(index);
            tell(index, all.size(), Models.title(model), R.string.timing_checking);
            try {
                Passport passport = passport(model);
                String title = Models.title(model);
                int same = titles.indexOf(title);
                if (same >= 0 && passport(models.get(same)).sha256.equals(passport.sha256)) {
                    // It is in the app twice.
                    continue;
                } else if (same >= 0) {
                    title = title.replaceAll("[.]tflite$", "-" + passport.sha256.substring(0, 8) + ".tflite");
                }
                runOnce(model, passport, threads);
                models.add(model);
                titles.add(title);
            } catch (Problem problem) {
                refused.add(Models.title(model));
                why = problem;
            } catch (RuntimeException | OutOfMemoryError | LinkageError failure) {
                refused.add(Models.title(model));
                why = new Problem(Problem.MODEL_FILE, Words.failure(context, failure), failure);
            }
        }
        if (models.isEmpty() && why != null && goOn()) {
            throw why;
        }
        return refused;
    }

    private void runOnce(String model, Passport passport, int threads) throws Problem {
        try (Classifier classifier = new Classifier(open(model), passport, threads, Classifier.Kernels.XNNPACK)) {
            List<Picture> golden = golden(passport);
            if (!golden.isEmpty()) {
                classifier.set(golden.get(0));
            }
            classifier.run();
        }
    }

    /** Writes a record into a file of another app, which may take its time. */
    void save(Uri file, String record) {
        new Thread("saving") {
            @Override
            public void run() {
                String words = saved(file, record);
                screen.post(() -> {
                    if (listener != null) {
                        listener.onSaved(words);
                    } else {
                        // The screen that would say so was left.
                        Toast.makeText(context, words, Toast.LENGTH_LONG).show();
                    }
                });
            }
        }.start();
    }

    private String saved(Uri file, String record) {
        try (OutputStream out = context.getContentResolver().openOutputStream(file, "wt")) {
            if (out == null) {
                throw new IOException("nothing there");
            }
            out.write(record.getBytes(StandardCharsets.US_ASCII));
        } catch (IOException | RuntimeException unwritable) {
            return context.getString(R.string.timing_unwritable, Words.reason(context, unwritable));
        }
        return context.getString(R.string.timing_saved);
    }

    private String version() {
        try {
            return context.getPackageManager().getPackageInfo(context.getPackageName(), 0).versionName;
        } catch (android.content.pm.PackageManager.NameNotFoundException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private void end(JsonObject record, String why) {
        screen.post(() -> {
            running = false;
            if (listener != null) {
                listener.onEnd(record, why);
            }
        });
    }

    @Override
    public Passport passport(String model) throws Problem {
        return Models.passport(context, model);
    }

    @Override
    public ByteBuffer open(String model) throws Problem {
        return Models.open(context, model);
    }

    @Override
    public List<Picture> golden(Passport passport) throws Problem {
        return Models.golden(passport);
    }

    @Override
    public void onStep(int done, int total, String model, boolean cooling) {
        tell(done, total, model, cooling ? R.string.timing_cooling : R.string.timing_step);
    }

    private void tell(int done, int total, String model, int words) {
        screen.post(() -> {
            step = () -> listener.onStep(done, total, model, words);
            if (listener != null) {
                step.run();
            }
        });
    }

    @Override
    public boolean waitASecond() {
        try {
            Thread.sleep(1000);
        } catch (InterruptedException interrupt) {
            return false;
        }
        return goOn();
    }

    @Override
    public boolean goOn() {
        return !stopped.get();
    }
}
