package org.mobilecnn.ci;

import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.Random;
import org.mobilecnn.core.InputContract;
import org.mobilecnn.core.InputTensor;
import org.mobilecnn.core.Picture;
import org.mobilecnn.core.Problem;
import org.mobilecnn.core.TensorSpec;
import org.mobilecnn.core.YuvFrame;

/**
 * Times the way from a decoded picture to the input of a network of 224 x 224 pixels: {@code TimePictures TIMES}.
 *
 * <p>Prints a line for each kind of picture: its name, then the nanoseconds of each time. Where Java has one processor
 * they are the processor's, so that other work on the computer does not count; with several, those on the clock. The
 * line {@code read} is for adding up the photo's pixels and nothing else, for comparison.
 */
public final class TimePictures {
    private static final int WIDTH = 4000;
    private static final int HEIGHT = 3000;
    private static final int FRAME_WIDTH = 640;
    private static final int FRAME_HEIGHT = 480;
    private static final int SIDE = 224;

    private TimePictures() {}

    /** The command line. */
    public static void main(String[] arguments) throws Problem {
        int times = Integer.parseInt(arguments[0]);
        float[] middle = {127.5f, 127.5f, 127.5f};
        InputContract contract = new InputContract(SIDE, SIDE, 3, "rgb", middle, middle, "stretch", true);
        TensorSpec spec = new TensorSpec("float32", new int[] {1, SIDE, SIDE, 3}, 0.0f, 0);
        ByteBuffer buffer = spec.buffer();
        int[] pixels = new Random(1).ints((long) WIDTH * HEIGHT).toArray();
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] |= 0xFF000000;
        }
        StringBuilder read = new StringBuilder("read");
        int sum = 0;
        for (int i = 0; i < times; i++) {
            long start = now();
            sum ^= sum(pixels);
            read.append(' ').append(now() - start);
        }
        System.out.println(read);
        for (int orientation : new int[] {1, 6}) {
            Picture photo = new Picture(WIDTH, HEIGHT, pixels, Picture.Order.ABGR, orientation);
            StringBuilder line = new StringBuilder(orientation == 1 ? "photo" : "photo-turned");
            for (int i = 0; i < times; i++) {
                long start = now();
                new InputTensor(contract, spec).write(photo, buffer);
                line.append(' ').append(now() - start);
            }
            System.out.println(line);
        }
        InputTensor input = new InputTensor(contract, spec);
        YuvFrame frames = new YuvFrame();
        ByteBuffer luma = ByteBuffer.allocateDirect(FRAME_WIDTH * FRAME_HEIGHT);
        YuvFrame.Plane chroma = new YuvFrame.Plane(ByteBuffer.allocateDirect(FRAME_WIDTH * FRAME_HEIGHT / 2), FRAME_WIDTH, 2);
        StringBuilder line = new StringBuilder("frame");
        for (int i = 0; i < 10 * times; i++) {
            long start = now();
            YuvFrame.Plane bright = new YuvFrame.Plane(luma, FRAME_WIDTH, 1);
            input.write(frames.read(FRAME_WIDTH, FRAME_HEIGHT, bright, chroma, chroma, 90), buffer);
            line.append(' ').append(now() - start);
        }
        System.out.println(line);
        // Of the sum nothing is wanted, and yet Java must not leave it out.
        System.err.println(sum);
    }

    private static int sum(int[] pixels) {
        int sum = 0;
        for (int pixel : pixels) {
            sum += pixel;
        }
        return sum;
    }

    private static long now() {
        return Runtime.getRuntime().availableProcessors() > 1
                ? System.nanoTime() : ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }
}
