package org.mobilecnn.core;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import org.junit.Test;

/** Pictures and camera frames: their colours, strides, orientation, and the memory that they take. */
public final class PictureTest {
    private static final int COLUMNS = 4;
    private static final int ROWS = 2;

    /** A frame whose luma is 10, 20 and so on, with rows padded to 6 bytes and neutral, interleaved chroma. */
    private static Picture ramp(int degrees) {
        ByteBuffer luma = ByteBuffer.allocate(12);
        for (int i = 0; i < COLUMNS * ROWS; i++) {
            luma.put(i / COLUMNS * 6 + i % COLUMNS, (byte) (10 * (i + 1)));
        }
        byte[] neutral = new byte[4];
        Arrays.fill(neutral, (byte) 128);
        YuvFrame.Plane chroma = new YuvFrame.Plane(ByteBuffer.wrap(neutral), 4, 2);
        return new YuvFrame().read(
                whole(COLUMNS, ROWS, degrees), new YuvFrame.Plane(luma, 6, 1), chroma, chroma, degrees);
    }

    /** All of a frame. */
    private static Crop whole(int width, int height, int degrees) {
        return Crop.shown(width, height, degrees, 0, 0);
    }

    private static int[][] brightness(Picture picture) {
        int[] pixels = new int[picture.width() * picture.height()];
        picture.rows(0, picture.height(), pixels);
        int[][] greys = new int[picture.height()][picture.width()];
        for (int i = 0; i < pixels.length; i++) {
            int grey = pixels[i] & 0xFF;
            assertEquals(0xFF000000 | grey << 16 | grey << 8 | grey, pixels[i]);
            greys[i / picture.width()][i % picture.width()] = grey;
        }
        return greys;
    }

    @Test
    public void framesAreTurnedClockwise() {
        assertArrayEquals(new int[][] {{10, 20, 30, 40}, {50, 60, 70, 80}}, brightness(ramp(0)));
        assertArrayEquals(new int[][] {{50, 10}, {60, 20}, {70, 30}, {80, 40}}, brightness(ramp(90)));
        assertArrayEquals(new int[][] {{80, 70, 60, 50}, {40, 30, 20, 10}}, brightness(ramp(180)));
        assertArrayEquals(new int[][] {{40, 80}, {30, 70}, {20, 60}, {10, 50}}, brightness(ramp(270)));
    }

    /** A part of a frame has the pixels that the whole frame has there, wherever the part begins. */
    @Test
    public void aPartOfAFrameIsCutOutOfTheWhole() {
        int width = 13;
        int height = 9;
        byte[] noise = new byte[width * height * 2];
        new Random(5).nextBytes(noise);
        YuvFrame.Plane luma = new YuvFrame.Plane(ByteBuffer.wrap(noise), width, 1);
        YuvFrame.Plane cb = new YuvFrame.Plane(ByteBuffer.wrap(noise), 15, 2);
        YuvFrame.Plane cr = new YuvFrame.Plane(ByteBuffer.wrap(noise, 1, noise.length - 1).slice(), 15, 2);
        YuvFrame reused = new YuvFrame();
        for (int degrees = 0; degrees < 360; degrees += 90) {
            Picture all = new YuvFrame().read(whole(width, height, degrees), luma, cb, cr, degrees);
            for (int seen = 1; seen <= all.height(); seen++) {
                Crop part = Crop.shown(width, height, degrees, all.width(), seen);
                Picture cut = reused.read(part, luma, cb, cr, degrees);
                assertEquals(all.width(), cut.width());
                assertEquals(seen, cut.height());
                int above = (all.height() - seen) / 2;
                for (int y = 0; y < seen; y++) {
                    for (int x = 0; x < cut.width(); x++) {
                        assertEquals(all.pixel(x, above + y), cut.pixel(x, y));
                    }
                }
            }
        }
    }

    @Test(expected = IllegalArgumentException.class)
    public void aSlantedFrameIsRefused() {
        ramp(45);
    }

    @Test(expected = IllegalArgumentException.class)
    public void aPictureOfTooFewPixelsIsRefused() {
        new Picture(3, 3, new int[8], Picture.Order.ARGB, 1);
    }

    /** Rows read one at a time and several at a time are the same pixels. */
    @Test
    public void rowsAreTheSameHoweverTheyAreRead() {
        int[] argb = new Random(3).ints(7 * 5).toArray();
        for (int orientation = 1; orientation <= 8; orientation++) {
            Picture one = new Picture(7, 5, argb, Picture.Order.ARGB, orientation);
            int[] whole = new int[35];
            one.rows(0, one.height(), whole);
            for (int y = 0; y < one.height(); y++) {
                int[] row = new int[one.width()];
                one.rows(y, 1, row);
                int[] wanted = Arrays.copyOfRange(whole, y * one.width(), (y + 1) * one.width());
                assertArrayEquals("orientation " + orientation, wanted, row);
                for (int x = 0; x < one.width(); x++) {
                    assertEquals(row[x], one.pixel(x, y));
                }
            }
        }
    }

    /** One picture in either byte order becomes the same input, in colour and in grey. */
    @Test
    public void byteOrdersAreOfNoConsequence() {
        int[] argb = new Random(3).ints(7 * 5).toArray();
        int[] abgr = argb.clone();
        for (int i = 0; i < abgr.length; i++) {
            abgr[i] = argb[i] & 0xFF00FF00 | argb[i] >>> 16 & 0xFF | (argb[i] & 0xFF) << 16;
        }
        for (int channels : new int[] {1, 3}) {
            byte[] one = new Resize(4, 3, channels).toPixels(new Picture(7, 5, argb, Picture.Order.ARGB, 6));
            byte[] other = new Resize(4, 3, channels).toPixels(new Picture(7, 5, abgr, Picture.Order.ABGR, 6));
            assertArrayEquals(one, other);
        }
    }

    /** The colours that libjpeg computes for these triples, to within one step. */
    @Test
    public void coloursAreThoseOfJpeg() {
        int[][] cases = {
            // Y, Cb, Cr, then red, green, blue
            {76, 85, 255, 254, 0, 0},
            {150, 44, 21, 0, 255, 1},
            {29, 255, 107, 0, 0, 254},
            {255, 128, 128, 255, 255, 255},
            {0, 128, 128, 0, 0, 0},
            {128, 90, 160, 173, 118, 61},
        };
        for (int[] values : cases) {
            int[] argb = new int[1];
            new YuvFrame().read(whole(1, 1, 0), plane(values[0]), plane(values[1]), plane(values[2]), 0).rows(0, 1, argb);
            assertEquals(values[3], argb[0] >> 16 & 0xFF, 1);
            assertEquals(values[4], argb[0] >> 8 & 0xFF, 1);
            assertEquals(values[5], argb[0] & 0xFF, 1);
        }
    }

    private static YuvFrame.Plane plane(int value) {
        return new YuvFrame.Plane(ByteBuffer.wrap(new byte[] {(byte) value}), 1, 1);
    }

    @Test
    public void oneColourStaysOneColourAtEverySize() {
        int[] colour = new int[37 * 23];
        Arrays.fill(colour, 0xFF01C8FF);
        for (int size = 1; size < 60; size += 7) {
            Picture picture = new Picture(37, 23, colour, Picture.Order.ARGB, 1);
            byte[] pixels = new Resize(size, size + 1, 3).toPixels(picture);
            for (int i = 0; i < pixels.length; i += 3) {
                assertArrayEquals(new byte[] {1, (byte) 200, (byte) 255}, Arrays.copyOfRange(pixels, i, i + 3));
            }
        }
    }

    /** A picture that several threads share comes out as the halves that one thread resizes. */
    @Test
    public void aLargePictureIsResizedAsASmallOne() {
        int side = 1200;
        int[] pixels = new Random(4).ints((long) side * side).toArray();
        byte[] whole = new Resize(2, 2, 3).toPixels(new Picture(side, side, pixels, Picture.Order.ARGB, 6)).clone();
        // Halves: the same four quarters, without the neighbour's share, which is a few steps.
        for (int quarter = 0; quarter < 4; quarter++) {
            long[] sums = new long[3];
            for (int i = 0; i < side * side / 4; i++) {
                int x = quarter % 2 * side / 2 + i % (side / 2);
                int y = quarter / 2 * side / 2 + i / (side / 2);
                int argb = pixels[(side - 1 - x) * side + y];
                for (int channel = 0; channel < 3; channel++) {
                    sums[channel] += (argb >> 16 - 8 * channel & 0xFF) * (argb >>> 24) / 255;
                }
            }
            for (int channel = 0; channel < 3; channel++) {
                assertEquals(sums[channel] / (side * side / 4.0), whole[3 * quarter + channel] & 0xFF, 3.0);
            }
        }
    }

    /** Live pictures take no memory that must be collected: no more than a few objects for each frame. */
    @Test
    public void aCameraFrameAllocatesNothingByThePixel() throws Exception {
        int width = 640;
        int height = 480;
        ByteBuffer luma = ByteBuffer.allocateDirect(width * height);
        ByteBuffer chroma = ByteBuffer.allocateDirect(width * height / 2);
        float[] three = {127.5f, 127.5f, 127.5f};
        InputContract contract = new InputContract(224, 224, 3, "rgb", three, three, "stretch", true);
        TensorSpec spec = new TensorSpec("int8", new int[] {1, 224, 224, 3}, 1 / 128f, 0);
        InputTensor input = new InputTensor(contract, spec);
        ByteBuffer buffer = spec.buffer();
        YuvFrame frames = new YuvFrame();
        ThreadMXBean meter = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long allocated = 0;
        for (int frame = 0; frame < 3; frame++) {
            long before = meter.getThreadAllocatedBytes(Thread.currentThread().getId());
            input.write(
                    frames.read(Crop.shown(width, height, 90, 411, 396), new YuvFrame.Plane(luma, width, 1),
                            new YuvFrame.Plane(chroma, width, 2), new YuvFrame.Plane(chroma, width, 2), 90),
                    buffer);
            allocated = meter.getThreadAllocatedBytes(Thread.currentThread().getId()) - before;
        }
        assertTrue("bytes for a frame: " + allocated, allocated < 4096);
    }
}
