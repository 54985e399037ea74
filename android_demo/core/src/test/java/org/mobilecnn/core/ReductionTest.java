package org.mobilecnn.core;

import static org.junit.Assert.assertEquals;

import java.util.Random;
import org.junit.Test;

/** Pictures made small for the screen: every pixel of a square counts, however the picture is stored. */
public final class ReductionTest {
    private static Picture noise(int width, int height, Picture.Order order, int orientation) {
        return new Picture(width, height, new Random(7).ints((long) width * height).toArray(), order, orientation);
    }

    /** The mean of a byte of the pixels of a square, to the nearest. */
    private static int mean(Picture picture, int left, int top, int across, int down, int shift) {
        int sum = 0;
        for (int y = top; y < top + down; y++) {
            for (int x = left; x < left + across; x++) {
                sum += picture.pixel(x, y) >>> shift & 0xFF;
            }
        }
        return (sum + across * down / 2) / (across * down);
    }

    @Test
    public void eachPixelIsTheMeanOfASquare() {
        // Steps of 1, 3, 7 and 20, which leave pixels over, and pictures narrower than the step.
        int[][] sizes = {{5, 4, 5}, {9, 14, 5}, {100, 71, 15}, {200, 7, 10}, {3, 200, 10}};
        for (int[] size : sizes) {
            for (Picture.Order order : Picture.Order.values()) {
                for (int orientation = 1; orientation <= 8; orientation++) {
                    Picture picture = noise(size[0], size[1], order, orientation);
                    int step = (Math.max(size[0], size[1]) + size[2] - 1) / size[2];
                    int across = Math.min(step, picture.width());
                    int down = Math.min(step, picture.height());
                    Reduction reduced = Reduction.of(picture, size[2]);
                    assertEquals(picture.width() / across, reduced.width);
                    assertEquals(picture.height() / down, reduced.height);
                    int red = order == Picture.Order.ARGB ? 16 : 0;
                    for (int i = 0; i < reduced.colors.length; i++) {
                        int left = i % reduced.width * across;
                        int top = i / reduced.width * down;
                        int wanted = mean(picture, left, top, across, down, 24) << 24
                                | mean(picture, left, top, across, down, red) << 16
                                | mean(picture, left, top, across, down, 8) << 8
                                | mean(picture, left, top, across, down, 16 - red);
                        assertEquals(wanted, reduced.colors[i]);
                    }
                }
            }
        }
    }
}
