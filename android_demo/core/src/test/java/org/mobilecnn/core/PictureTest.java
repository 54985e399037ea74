package org.mobilecnn.core;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;

import java.nio.ByteBuffer;
import java.util.Arrays;
import org.junit.Test;

/** Camera frames: their colours, strides and orientation. */
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
        ByteBuffer chroma = ByteBuffer.wrap(neutral);
        return Upright.turned(new YuvPicture(COLUMNS, ROWS, luma, 6, chroma, chroma, 4, 2), degrees);
    }

    private static int[][] brightness(Picture picture) {
        int[][] greys = new int[picture.height()][picture.width()];
        for (int y = 0; y < picture.height(); y++) {
            for (int x = 0; x < picture.width(); x++) {
                int grey = picture.argb(x, y) & 0xFF;
                assertEquals(0xFF000000 | grey << 16 | grey << 8 | grey, picture.argb(x, y));
                greys[y][x] = grey;
            }
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

    @Test(expected = IllegalArgumentException.class)
    public void aSlantedFrameIsRefused() {
        ramp(45);
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
            ByteBuffer luma = ByteBuffer.wrap(new byte[] {(byte) values[0]});
            ByteBuffer blue = ByteBuffer.wrap(new byte[] {(byte) values[1]});
            ByteBuffer red = ByteBuffer.wrap(new byte[] {(byte) values[2]});
            int argb = new YuvPicture(1, 1, luma, 1, blue, red, 1, 1).argb(0, 0);
            assertEquals(values[3], argb >> 16 & 0xFF, 1);
            assertEquals(values[4], argb >> 8 & 0xFF, 1);
            assertEquals(values[5], argb & 0xFF, 1);
        }
    }

    @Test
    public void oneColourStaysOneColourAtEverySize() throws Exception {
        byte[] rgba = new byte[4 * 37 * 23];
        for (int i = 0; i < rgba.length; i += 4) {
            rgba[i] = 1;
            rgba[i + 1] = (byte) 200;
            rgba[i + 2] = (byte) 255;
            rgba[i + 3] = (byte) 255;
        }
        for (int size = 1; size < 60; size += 7) {
            byte[] pixels = Resize.toPixels(Vectors.picture(37, 23, rgba), size, size + 1, 3);
            for (int i = 0; i < pixels.length; i += 3) {
                assertArrayEquals(new byte[] {1, (byte) 200, (byte) 255}, Arrays.copyOfRange(pixels, i, i + 3));
            }
        }
    }
}
