package org.mobilecnn.ci;

import com.eclipsesource.json.Json;
import com.eclipsesource.json.JsonArray;
import com.eclipsesource.json.JsonObject;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import org.mobilecnn.core.Benchmark;
import org.mobilecnn.core.Passport;
import org.mobilecnn.core.Problem;
import org.mobilecnn.core.Ranking;
import org.mobilecnn.demo.Classifier;

/**
 * Runs the app's classifier on this computer: {@code Ask LIBRARY MODEL PICTURE...}.
 *
 * <p>Prints one JSON document: the runtime, the verdict on the golden pictures, and for each PNG
 * picture the scores and the best classes with their probabilities. A refusal is a document with {@code error}.
 */
public final class Ask {
    private Ask() {}

    /** The command line. */
    public static void main(String[] arguments) throws IOException {
        System.load(new File(arguments[0]).getAbsolutePath());
        JsonObject document;
        try {
            document = ask(Paths.get(arguments[1]), arguments);
        } catch (Problem problem) {
            document = Benchmark.failure("ask", problem);
        }
        System.out.println(Benchmark.ascii(document.toString()));
    }

    private static JsonObject ask(Path model, String[] arguments) throws IOException, Problem {
        Passport passport = DesktopFiles.passport(model);
        JsonObject document = new JsonObject().add("runtime", Classifier.runtime());
        try (Classifier classifier =
                new Classifier(DesktopFiles.model(model), passport, 1, Classifier.Kernels.BUILTIN)) {
            document.add("answers", Benchmark.answers(classifier.check(DesktopFiles.golden(passport))));
            JsonArray pictures = new JsonArray();
            for (int i = 2; i < arguments.length; i++) {
                try (InputStream stream = Files.newInputStream(Paths.get(arguments[i]))) {
                    pictures.add(answer(passport, classifier.classify(DesktopFiles.picture(stream)).scores));
                }
            }
            return document.add("pictures", pictures);
        }
    }

    private static JsonObject answer(Passport passport, float[] scores) {
        JsonArray labels = new JsonArray();
        JsonArray probabilities = new JsonArray();
        if (Ranking.finite(scores)) {
            for (Ranking.Entry entry : Ranking.of(passport.kind, scores, 5)) {
                labels.add(passport.label(entry.index));
                probabilities.add(Double.isNaN(entry.probability) ? Json.NULL : Json.value(entry.probability));
            }
        }
        JsonArray given = new JsonArray();
        for (float score : scores) {
            given.add(Float.isNaN(score) || Float.isInfinite(score) ? Json.NULL : Json.value(score));
        }
        return new JsonObject().add("scores", given).add("best", labels).add("probabilities", probabilities);
    }
}
