package org.mobilecnn.ci;

import com.eclipsesource.json.Json;
import com.eclipsesource.json.JsonArray;
import com.eclipsesource.json.JsonObject;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import javax.imageio.ImageIO;
import org.mobilecnn.core.Benchmark;
import org.mobilecnn.core.Passport;
import org.mobilecnn.core.Picture;
import org.mobilecnn.core.Problem;
import org.mobilecnn.core.RgbaPicture;
import org.mobilecnn.core.TopK;
import org.mobilecnn.demo.Classifier;

/**
 * Runs the app's classifier on this computer: {@code Ask LIBRARY MODEL PICTURE...}.
 *
 * <p>Prints one JSON document: the runtime, the verdict on the golden pictures, and for each PNG
 * picture the scores and the best classes. A refusal is a document with {@code error}.
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
        String name = model.getFileName().toString();
        Path card = model.resolveSibling(name.substring(0, name.length() - ".tflite".length()) + ".json");
        String text = new String(Files.readAllBytes(card), StandardCharsets.UTF_8);
        Passport passport = Passport.parse(card.toString(), text);
        byte[] content = Files.readAllBytes(model);
        ByteBuffer direct = ByteBuffer.allocateDirect(content.length);
        direct.put(content).rewind();
        List<Picture> golden = new ArrayList<>();
        for (Passport.Golden each : passport.golden) {
            golden.add(picture(new ByteArrayInputStream(Base64.getDecoder().decode(each.png))));
        }
        JsonObject document = new JsonObject().add("runtime", Classifier.runtime());
        try (Classifier classifier = new Classifier(direct, passport, 1, Classifier.Kernels.BUILTIN)) {
            document.add("answers", Benchmark.answers(classifier.check(golden)));
            JsonArray pictures = new JsonArray();
            for (int i = 2; i < arguments.length; i++) {
                try (InputStream stream = Files.newInputStream(Paths.get(arguments[i]))) {
                    pictures.add(answer(passport, classifier.classify(picture(stream)).scores));
                }
            }
            return document.add("pictures", pictures);
        }
    }

    private static JsonObject answer(Passport passport, float[] scores) {
        JsonArray labels = new JsonArray();
        for (int index : TopK.of(scores, 5)) {
            labels.add(passport.label(index));
        }
        return new JsonObject().add("scores", Json.array(scores)).add("best", labels);
    }

    private static Picture picture(InputStream stream) throws IOException {
        BufferedImage image = ImageIO.read(stream);
        int width = image.getWidth();
        int height = image.getHeight();
        ByteBuffer rgba = ByteBuffer.allocateDirect(4 * width * height);
        boolean grey = image.getRaster().getNumBands() == 1 && image.getType() == BufferedImage.TYPE_BYTE_GRAY;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                // getRGB would convert grey values to another gamma.
                int argb = grey ? 0xFF000000 | image.getRaster().getSample(x, y, 0) * 0x010101 : image.getRGB(x, y);
                rgba.put((byte) (argb >> 16)).put((byte) (argb >> 8)).put((byte) argb).put((byte) (argb >>> 24));
            }
        }
        return new RgbaPicture(width, height, rgba);
    }
}
