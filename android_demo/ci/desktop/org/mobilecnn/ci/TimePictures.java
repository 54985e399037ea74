package org.mobilecnn.ci;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.mobilecnn.core.Crop;
import org.mobilecnn.core.InputContract;
import org.mobilecnn.core.InputTensor;
import org.mobilecnn.core.Picture;
import org.mobilecnn.core.Problem;
import org.mobilecnn.core.Reduction;
import org.mobilecnn.core.TensorSpec;
import org.mobilecnn.core.YuvFrame;

/**
 * Times the way from a decoded picture to the input of a network of 224 x 224 pixels: {@code TimePictures TIMES}.
 *
 * <p>Prints a line for each figure: its name, then the nanoseconds of each time. Where Java has one processor they are the
 * processor's, so that other work on the computer does not count; with several, those on the clock. The line {@code
 * read} is for adding up the photo's pixels and nothing else; the names that end in {@code -shown} are for making a photo as
 * small as the screen shows it; the names that end in {@code -before} are for the app's first
 * way, {@link PixelByPixel}, which must give the same tensor. The line {@code frame-bytes} has what Java allocated for each frame.
 */
public final class TimePictures {
    private static final int WIDTH = 4000;
    private static final int HEIGHT = 3000;
    private static final int FRAME_WIDTH = 640;
    private static final int FRAME_HEIGHT = 480;
    private static final int SIDE = 224;

    /** Largest number of pixels along a photo's longer side on the screen, as in the app. */
    private static final int SHOWN = 1024;

    /** Size of the preview on a phone, in dp. */
    private static final int PLACE_WIDTH = 411;
    private static final int PLACE_HEIGHT = 396;

    /** Number of frames for each photo. */
    private static final int FRAMES = 10;

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private final InputContract contract;
    private final TensorSpec spec = new TensorSpec("float32", new int[] {1, SIDE, SIDE, 3}, 0.0f, 0);
    private final ByteBuffer given = spec.buffer();
    private final ByteBuffer wanted = spec.buffer();
    private final int times;

    private TimePictures(int times) throws Problem {
        this.times = times;
        float[] middle = {127.5f, 127.5f, 127.5f};
        contract = new InputContract(SIDE, SIDE, 3, "rgb", middle, middle, "stretch", true);
    }

    /** The command line. */
    public static void main(String[] arguments) throws Problem {
        TimePictures all = new TimePictures(Integer.parseInt(arguments[0]));
        all.photos();
        all.frames();
    }

    private void photos() {
        int[] pixels = new Random(1).ints((long) WIDTH * HEIGHT).toArray();
        ByteBuffer rgba = ByteBuffer.allocate(4 * pixels.length).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] |= 0xFF000000;
            rgba.putInt(pixels[i]);
        }
        int[] sum = new int[1];
        time("read", times, () -> sum[0] ^= sum(pixels));
        for (int orientation : new int[] {1, 6}) {
            String name = orientation == 1 ? "photo" : "photo-turned";
            Picture photo = new Picture(WIDTH, HEIGHT, pixels, Picture.Order.ABGR, orientation);
            time(name, times, () -> new InputTensor(contract, spec).write(photo, given));
            PixelByPixel.Source stored = PixelByPixel.photo(WIDTH, HEIGHT, rgba);
            before(name, times, orientation == 1 ? stored : PixelByPixel.turned(stored));
            time(name + "-shown", times, () -> sum[0] ^= sum(Reduction.of(photo, SHOWN).colors));
        }
        // Of the sum nothing is wanted, and yet Java must not leave it out.
        System.err.println(sum[0]);
    }

    private void frames() {
        byte[] noise = new byte[FRAME_WIDTH * FRAME_HEIGHT];
        new Random(2).nextBytes(noise);
        ByteBuffer luma = direct(noise, noise.length);
        ByteBuffer chroma = direct(noise, noise.length / 2);
        YuvFrame.Plane bright = new YuvFrame.Plane(luma, FRAME_WIDTH, 1);
        YuvFrame.Plane colours = new YuvFrame.Plane(chroma, FRAME_WIDTH, 2);
        InputTensor input = new InputTensor(contract, spec);
        YuvFrame frames = new YuvFrame();
        Crop all = Crop.shown(FRAME_WIDTH, FRAME_HEIGHT, 90, 0, 0);
        PixelByPixel.Source stored = PixelByPixel.frame(FRAME_WIDTH, FRAME_HEIGHT, luma, chroma, chroma);
        time("frame", FRAMES * times, () -> input.write(frames.read(all, bright, colours, colours, 90), given));
        before("frame", FRAMES * times, PixelByPixel.turned(stored));
        Runnable frame = () -> {
            Crop seen = Crop.shown(FRAME_WIDTH, FRAME_HEIGHT, 90, PLACE_WIDTH, PLACE_HEIGHT);
            input.write(frames.read(seen, bright, colours, colours, 90), given);
        };
        time("frame-seen", FRAMES * times, frame);
        Crop seen = Crop.shown(FRAME_WIDTH, FRAME_HEIGHT, 90, PLACE_WIDTH, PLACE_HEIGHT);
        before("frame-seen", FRAMES * times, PixelByPixel.turned(PixelByPixel.part(stored, seen.left, seen.width)));
        StringBuilder line = new StringBuilder("frame-bytes");
        long thread = Thread.currentThread().getId();
        for (int i = 0; i < times; i++) {
            long start = THREADS.getThreadAllocatedBytes(thread);
            frame.run();
            line.append(' ').append(THREADS.getThreadAllocatedBytes(thread) - start);
        }
        System.out.println(line);
    }

    /** Times the app's first way, and holds what the way of today wrote just before to it. */
    private void before(String name, int repetitions, PixelByPixel.Source picture) {
        float[] values = new float[contract.elements()];
        time(name + "-before", repetitions, () -> {
            contract.tensor(PixelByPixel.toPixels(picture, SIDE, SIDE), values);
            spec.encode(values, wanted);
        });
        given.rewind();
        wanted.rewind();
        if (!given.equals(wanted)) {
            throw new IllegalStateException(name + ": the tensor is not that of the first way");
        }
    }

    private static void time(String name, int repetitions, Runnable work) {
        StringBuilder line = new StringBuilder(name);
        for (int i = 0; i < repetitions; i++) {
            long start = now();
            work.run();
            line.append(' ').append(now() - start);
        }
        System.out.println(line);
    }

    private static ByteBuffer direct(byte[] values, int length) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(length);
        buffer.put(values, 0, length).rewind();
        return buffer;
    }

    private static int sum(int[] pixels) {
        int sum = 0;
        for (int pixel : pixels) {
            sum += pixel;
        }
        return sum;
    }

    private static long now() {
        return Runtime.getRuntime().availableProcessors() > 1 ? System.nanoTime() : THREADS.getCurrentThreadCpuTime();
    }
}
