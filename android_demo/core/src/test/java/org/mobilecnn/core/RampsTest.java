package org.mobilecnn.core;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.junit.Test;

/** Rows that become much narrower are, to the last bit, what their weights make of them. */
public final class RampsTest {
    private static final int[][] SIZES = {
        // Pixels, places: the smallest reduction, whole and broken ones, one chunk of pixels, many, and the largest.
        {5, 1}, {1120, 224}, {1121, 224}, {4000, 224}, {3000, 224}, {4032, 299}, {2200, 100}, {2300, 100},
        {4000, 28}, {4001, 5}, {1000, 1}, {3000, 3}, {777, 7},
    };

    private static int[] byWeights(int[] pixels, Taps taps, int channels, int high, int low) {
        int[] values = new int[taps.to * channels];
        for (int place = 0; place < taps.to; place++) {
            for (int shift = 0; shift < 8 * channels; shift += 8) {
                int sum = Taps.HALF;
                for (int k = taps.start[place]; k < taps.start[place + 1]; k++) {
                    sum += (pixels[taps.first[place] + k - taps.start[place]] >> shift & 0xFF) * taps.weights[k];
                }
                values[place * channels + (shift == 0 ? low : shift == 8 ? 1 : high)] = Taps.value(sum);
            }
        }
        return values;
    }

    /** Rows of noise, of two neighbouring values in turn (every mean is a half), of one value, of a ramp, of extremes. */
    private static int[][] rows(int width) {
        int[][] rows = new int[6][width];
        Random random = new Random(width);
        for (int x = 0; x < width; x++) {
            int[] greys = {0, 120 + x % 2, 200, 255 * x / width, 255 * (x / 3 % 2), 255};
            for (int i = 0; i < rows.length; i++) {
                rows[i][x] = 0xFF000000 | (i == 0 ? random.nextInt(1 << 24) : greys[i] * 0x10101);
            }
        }
        return rows;
    }

    /** (places, colours) of one side by side as {@link #byWeights} has them, from an array for each of the bits from 0, 8, 16 on. */
    private static int[] sideBySide(int[][] colours) {
        int[] values = new int[colours.length * colours[0].length];
        for (int i = 0; i < values.length; i++) {
            values[i] = colours[i % colours.length][i / colours.length];
        }
        return values;
    }

    @Test
    public void theValuesAreThoseOfTheWeights() {
        for (int[] size : SIZES) {
            Taps taps = new Taps(size[0], size[1]);
            Ramps ramps = Ramps.of(taps);
            assertNotNull(Arrays.toString(size), ramps);
            RampRow resized = new RampRow(ramps);
            for (int[] row : rows(size[0])) {
                int[] shifted = new int[row.length + 5];
                System.arraycopy(row, 0, shifted, 3, row.length);
                int[][] colours = new int[3][size[1]];
                assertTrue(resized.resize(shifted, 3, colours));
                assertArrayEquals(Arrays.toString(size), byWeights(row, taps, 3, 2, 0), sideBySide(colours));
                int[][] grey = new int[1][size[1]];
                resized.resize(shifted, 3, grey);
                assertArrayEquals(Arrays.toString(size), byWeights(row, taps, 1, 0, 0), grey[0]);
            }
        }
    }

    /** The same rows stored on their side, forwards and backwards; no pixel of the others is touched. */
    @Test
    public void manyRowsAtOnceAreEachThatOfItsWeights() {
        for (int[] size : SIZES) {
            Taps taps = new Taps(size[0], size[1]);
            int[][] rows = rows(size[0]);
            int across = rows.length + 3;
            int[] stored = new int[size[0] * across];
            Arrays.fill(stored, 0xFF777777);
            for (int x = 0; x < size[0]; x++) {
                for (int row = 0; row < rows.length; row++) {
                    stored[x * across + 2 + row] = rows[row][x];
                }
            }
            for (boolean backwards : new boolean[] {false, true}) {
                int from = 2 + (backwards ? (size[0] - 1) * across : 0);
                int[][][] values = new int[rows.length][3][size[1]];
                new RampColumns(Ramps.of(taps), rows.length).resize(stored, from, backwards ? -across : across,
                        new Ink(false, Picture.Order.ARGB), 3, (colour, place, some) -> {
                            for (int row = 0; row < some.length; row++) {
                                values[row][colour][place] = some[row];
                            }
                        });
                for (int row = 0; row < rows.length; row++) {
                    int[] wanted = byWeights(backwards ? reversed(rows[row]) : rows[row], taps, 3, 2, 0);
                    assertArrayEquals(Arrays.toString(size), wanted, sideBySide(values[row]));
                }
            }
        }
    }

    private static int[] reversed(int[] row) {
        int[] other = new int[row.length];
        for (int i = 0; i < row.length; i++) {
            other[i] = row[row.length - 1 - i];
        }
        return other;
    }

    @Test
    public void aPixelThatIsNotOpaqueIsNoticed() {
        RampRow resized = new RampRow(Ramps.of(new Taps(500, 20)));
        int[] row = rows(500)[0];
        for (int place : new int[] {0, 77, 499}) {
            int[] other = row.clone();
            other[place] = other[place] & 0xFFFFFF | 254 << 24;
            assertFalse(resized.resize(other, 0, new int[3][20]));
        }
    }

    @Test
    public void theNextUnsurePlaceIsFound() {
        for (int length : new int[] {0, 1, 7, 8, 9, 30}) {
            for (int place = 0; place <= length; place++) {
                int[] unsure = new int[length];
                if (place < length) {
                    unsure[place] = -1;
                }
                for (int from = 0; from <= length; from++) {
                    assertEquals(from <= place ? place : length, Ramps.next(unsure, from));
                }
            }
        }
    }

    @Test
    public void otherReductionsAreLeftToTheWeights() {
        assertNull(Ramps.of(new Taps(100, 224)));
        assertNull(Ramps.of(new Taps(499, 100)));
        assertNull(Ramps.of(new Taps(1001, 1)));
    }

    /** However a large picture is stored, it gives the same; transparent pixels are those of a picture on black. */
    @Test
    public void largePicturesAreTheSameHoweverTheyAreStored() {
        // On its side it has more rows than are resized at once.
        int width = RampColumns.ROWS + 130;
        int height = 170;
        int[] pixels = new Random(8).ints((long) width * height).toArray();
        for (int i = 0; i < pixels.length; i++) {
            // The upper rows are opaque, and below some pixels are not.
            pixels[i] |= i < pixels.length / 2 || i % 7 > 0 ? 0xFF000000 : 0;
        }
        int[] before = pixels.clone();
        for (int channels : new int[] {1, 3}) {
            for (int orientation = 1; orientation <= 8; orientation++) {
                Picture stored = new Picture(width, height, pixels, Picture.Order.ABGR, orientation);
                int[] upright = new int[width * height];
                stored.rows(0, stored.height(), upright);
                byte[] wanted = onBlack(upright, stored.width(), stored.height(), channels);
                byte[] given = new Resize(9, 8, channels).toPixels(stored);
                assertArrayEquals("orientation " + orientation + ", channels " + channels, wanted, given);
            }
        }
        assertArrayEquals("the picture is as it was", before, pixels);
        assertEquals(1, new Resize(1, 1, 1).toPixels(new Picture(width, height, pixels, Picture.Order.ARGB, 1)).length);
    }

    /** Resized by the weights alone, both ways, from pixels that were laid on black one by one. */
    private static byte[] onBlack(int[] abgr, int width, int height, int channels) {
        int[] pixels = abgr.clone();
        for (int i = 0; i < pixels.length; i++) {
            int alpha = pixels[i] >>> 24;
            int[] colours = new int[3];
            for (int channel = 0; channel < 3; channel++) {
                colours[channel] = (int) Math.round((pixels[i] >> 8 * channel & 0xFF) * alpha / 255.0);
            }
            pixels[i] = colours[2] << 16 | colours[1] << 8 | colours[0];
            if (channels == 1) {
                pixels[i] = colours[0] * 19595 + colours[1] * 38470 + colours[2] * 7471 + 0x8000 >> 16;
            }
        }
        Taps columns = new Taps(width, 8);
        int stride = 8 * channels;
        int[] narrow = new int[height * stride];
        for (int y = 0; y < height; y++) {
            int[] row = Arrays.copyOfRange(pixels, y * width, (y + 1) * width);
            System.arraycopy(byWeights(row, columns, channels, 2, 0), 0, narrow, y * stride, stride);
        }
        Taps rows = new Taps(height, 9);
        byte[] resized = new byte[9 * stride];
        for (int i = 0; i < stride; i++) {
            int[] column = new int[height];
            for (int y = 0; y < height; y++) {
                column[y] = narrow[y * stride + i];
            }
            int[] values = byWeights(column, rows, 1, 0, 0);
            for (int y = 0; y < 9; y++) {
                resized[y * stride + i] = (byte) values[y];
            }
        }
        return resized;
    }
}
