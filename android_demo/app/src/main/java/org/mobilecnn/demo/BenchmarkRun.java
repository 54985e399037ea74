package org.mobilecnn.demo;

import com.eclipsesource.json.JsonObject;
import java.nio.ByteBuffer;
import java.util.List;
import org.mobilecnn.core.Benchmark;
import org.mobilecnn.core.BenchmarkRequest;
import org.mobilecnn.core.Digest;
import org.mobilecnn.core.Passport;
import org.mobilecnn.core.Picture;
import org.mobilecnn.core.Problem;

/**
 * One timed run, from the extras of {@code am start} to the answer; docs/android.md has the protocol.
 *
 * <p>This class uses nothing of Android, so the same code runs, and is tested, on a computer.
 */
public final class BenchmarkRun {
    /** The source of the model, its passport and its golden pictures. */
    public interface Files {
        /** The passport of the requested model. */
        Passport passport(BenchmarkRequest request) throws Problem;

        /** The requested model, in a direct buffer. */
        ByteBuffer model(BenchmarkRequest request) throws Problem;

        /** The passport's golden pictures, decoded. */
        List<Picture> golden(Passport passport) throws Problem;
    }

    /** The answer, or the error instead of it. */
    public final JsonObject document;

    private final String runId;
    private final int code;

    private BenchmarkRun(String runId, JsonObject document, int code) {
        this.runId = runId;
        this.document = document;
        this.code = code;
    }

    /** Runs what the extras ask for; a failure is an answer too. */
    public static BenchmarkRun of(BenchmarkRequest.Extras extras, Files files, Benchmark.Machine machine) {
        String runId = BenchmarkRequest.runId(extras);
        try {
            return new BenchmarkRun(runId, time(BenchmarkRequest.of(extras), files, machine), 0);
        } catch (Problem problem) {
            return failed(runId, problem);
        } catch (OutOfMemoryError full) {
            return failed(runId, new Problem(Problem.ENVIRONMENT,
                    "there is not enough memory for this model: close other apps, or choose a smaller one", full));
        } catch (RuntimeException | LinkageError failure) {
            // Without an end marker nobody would know that it has ended.
            return failed(runId, new Problem(Problem.ENVIRONMENT,
                    "the app failed (" + failure + "): try again, install a newer build of it, or time another file", failure));
        }
    }

    /** The lines for the log, the end marker last. */
    public List<String> lines() {
        return Benchmark.lines(runId, document, code);
    }

    private static BenchmarkRun failed(String runId, Problem problem) {
        return new BenchmarkRun(runId, Benchmark.failure(runId, problem), Benchmark.exitCode(problem));
    }

    private static JsonObject time(BenchmarkRequest request, Files files, Benchmark.Machine machine)
            throws Problem {
        Passport passport = files.passport(request);
        ByteBuffer checked = files.model(request);
        Digest.expect(request.model, checked, request.sha256, "was asked for");
        Digest.expect(request.model, checked, passport.sha256, "its passport describes");
        List<Picture> golden = files.golden(passport);
        Long baseline = machine.rssBytes();
        Classifier.Kernels kernels =
                request.xnnpack ? Classifier.Kernels.XNNPACK : Classifier.Kernels.BUILTIN;
        long start = machine.nanos();
        ByteBuffer content = files.model(request);
        try (Classifier classifier = new Classifier(content, passport, request.threads, kernels)) {
            long ready = machine.nanos();
            if (!golden.isEmpty()) {
                classifier.set(golden.get(0));
            }
            JsonObject document = Benchmark.time(
                    request, classifier, machine, ready - start, baseline, Classifier.runtime());
            // After the timing: otherwise its first inference would not be the first of the interpreter.
            document.add("answers", Benchmark.answers(classifier.check(golden)));
            return document;
        }
    }
}
