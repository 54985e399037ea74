package org.mobilecnn.ci;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import javax.imageio.ImageIO;
import org.mobilecnn.core.Passport;
import org.mobilecnn.core.Picture;
import org.mobilecnn.core.Problem;

/** Reads files and pictures on a computer, as Android does for the app. */
final class DesktopFiles {
    private DesktopFiles() {}

    /** The passport beside a model. */
    static Passport passport(Path model) throws IOException, Problem {
        String name = model.getFileName().toString();
        Path card = model.resolveSibling(name.substring(0, name.length() - ".tflite".length()) + ".json");
        return Passport.parse(card.toString(), new String(Files.readAllBytes(card), StandardCharsets.UTF_8));
    }

    /** A model in a direct buffer. */
    static ByteBuffer model(Path model) throws IOException {
        byte[] content = Files.readAllBytes(model);
        ByteBuffer direct = ByteBuffer.allocateDirect(content.length);
        direct.put(content).rewind();
        return direct;
    }

    /** A passport's golden pictures, decoded. */
    static List<Picture> golden(Passport passport) throws IOException {
        List<Picture> golden = new ArrayList<>();
        for (Passport.Golden entry : passport.golden) {
            golden.add(picture(new ByteArrayInputStream(Base64.getDecoder().decode(entry.png))));
        }
        return golden;
    }

    /** A PNG picture. */
    static Picture picture(InputStream stream) throws IOException {
        BufferedImage image = ImageIO.read(stream);
        int width = image.getWidth();
        int height = image.getHeight();
        int[] pixels = new int[width * height];
        boolean grey = image.getRaster().getNumBands() == 1 && image.getType() == BufferedImage.TYPE_BYTE_GRAY;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                // getRGB would convert grey values to another gamma.
                int same = grey ? image.getRaster().getSample(x, y, 0) * 0x010101 : 0;
                pixels[y * width + x] = grey ? 0xFF000000 | same : image.getRGB(x, y);
            }
        }
        return new Picture(width, height, pixels, Picture.Order.ARGB, 1);
    }
}
