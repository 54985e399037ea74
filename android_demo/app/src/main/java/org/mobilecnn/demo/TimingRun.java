package org.mobilecnn.demo;

import com.eclipsesource.json.JsonArray;
import com.eclipsesource.json.JsonObject;
import java.nio.ByteBuffer;
import java.util.List;
import org.mobilecnn.core.AnswerCheck;
import org.mobilecnn.core.Benchmark;
import org.mobilecnn.core.BenchmarkRequest;
import org.mobilecnn.core.Passport;
import org.mobilecnn.core.Picture;
import org.mobilecnn.core.Problem;
import org.mobilecnn.core.TimingRecord;

/**
 * Times several models side by side: rounds in which each is timed once, so that a phone that warms up
 * slows all of them.
 *
 * <p>This class uses nothing of Android.
 */
public final class TimingRun {
    /** How often each model is timed. */
    public static final int ROUNDS = 3;

    /** Untimed inferences of a model before the timed ones of a round. */
    public static final int WARMUP = 5;

    /** Timed inferences of a model in a round. */
    public static final int RUNS = 30;

    /** Longest wait before a model is timed, in seconds, where the phone is to cool down. */
    public static final int COOL_DOWN = 60;

    /** Degrees Celsius above the first temperature that count as cool. */
    private static final double WARMER = 1.0;

    /** The sensor that an app may read. */
    private static final String SENSOR = "battery";

    /** The source of the models, and the recipient of what goes on. */
    public interface Surroundings {
        Passport passport(String model) throws Problem;

        /** The model, in a direct buffer. */
        ByteBuffer open(String model) throws Problem;

        /** The passport's golden pictures, decoded. */
        List<Picture> golden(Passport passport) throws Problem;

        /** Learns how far it is; {@code cooling} while it waits for the phone to cool down. */
        void onStep(int done, int total, String model, boolean cooling);

        /** Waits a second; false if the measurement is to stop. */
        boolean waitASecond();

        /** False if the measurement is to stop. */
        boolean goOn();
    }

    private final Surroundings surroundings;
    private final Benchmark.Machine machine;
    private final int threads;
    private final boolean cool;

    /** @param cool whether to wait before each run until the phone is about as cool as at the start. */
    public TimingRun(Surroundings surroundings, Benchmark.Machine machine, int threads, boolean cool) {
        this.surroundings = surroundings;
        this.machine = machine;
        this.threads = threads;
        this.cool = cool;
    }

    /**
     * Times the models and makes the record of it.
     *
     * @param models names for {@link Surroundings}.
     * @param titles their names in the record.
     * @param created when it begins, ISO 8601 with the time zone.
     * @param device the members of {@code Facts}.
     * @return null if it was stopped.
     * @throws Problem if a model cannot run, or the app is not in front.
     */
    public JsonObject of(List<String> models, List<String> titles, String created, String tool, JsonObject device)
            throws Problem {
        Double start = machine.temperaturesC().get(SENSOR);
        int total = ROUNDS * models.size();
        JsonArray records = new JsonArray();
        JsonArray runs = new JsonArray();
        for (int round = 0; round < ROUNDS; round++) {
            for (int position = 0; position < models.size(); position++) {
                // Each round begins with another model, so that none is always the first, on the coolest phone.
                int index = (position + round) % models.size();
                int done = runs.size();
                JsonObject cooled = cool && start != null ? coolDown(start, done, total, titles.get(index)) : null;
                surroundings.onStep(done, total, titles.get(index), false);
                if (!surroundings.goOn()) {
                    return null;
                }
                runs.add(TimingRecord.run(time(models.get(index), titles.get(index)), round, position, index, cooled));
            }
        }
        for (int index = 0; index < models.size(); index++) {
            records.add(judge(models.get(index), titles.get(index)));
        }
        return TimingRecord.of(created, tool, device, ROUNDS, WARMUP, RUNS, threads, cool ? COOL_DOWN : 0, records, runs);
    }

    /** Waits until the phone is cool; null where its sensor says nothing. */
    private JsonObject coolDown(double start, int done, int total, String title) {
        long begin = machine.nanos();
        double goal = start + WARMER;
        Double now = machine.temperaturesC().get(SENSOR);
        for (int second = 0; second < COOL_DOWN && now != null && now > goal; second++) {
            surroundings.onStep(done, total, title, true);
            if (!surroundings.waitASecond()) {
                break;
            }
            now = machine.temperaturesC().get(SENSOR);
        }
        double seconds = (machine.nanos() - begin) / 1e9;
        return now == null ? null : new JsonObject().add("seconds", seconds).add("goal_c", goal).add("celsius", now);
    }

    private JsonObject time(String model, String title) throws Problem {
        Passport passport = surroundings.passport(model);
        List<Picture> golden = surroundings.golden(passport);
        BenchmarkRequest request =
                new BenchmarkRequest("app", title, passport.sha256, WARMUP, RUNS, threads, true);
        Long baseline = machine.rssBytes();
        long start = machine.nanos();
        try (Classifier classifier =
                new Classifier(surroundings.open(model), passport, threads, Classifier.Kernels.XNNPACK)) {
            long ready = machine.nanos();
            if (!golden.isEmpty()) {
                classifier.set(golden.get(0));
            }
            return Benchmark.time(request, classifier, machine, ready - start, baseline, Classifier.runtime());
        }
    }

    private JsonObject judge(String model, String title) throws Problem {
        Passport passport = surroundings.passport(model);
        try (Classifier classifier =
                new Classifier(surroundings.open(model), passport, threads, Classifier.Kernels.XNNPACK)) {
            AnswerCheck check = classifier.check(surroundings.golden(passport));
            return TimingRecord.model(passport, title, check);
        }
    }
}
