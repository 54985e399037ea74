package org.mobilecnn.core;

import java.util.Arrays;

/**
 * Makes the rows of a picture that is stored on its side much narrower by {@link Ramps}, many rows at a time: their pixels
 * are neighbours in memory, so that the same step of all of them is one loop over an array.
 */
final class RampColumns {
    /** Number of rows at a time: all memory here then fits into a processor's own. */
    static final int ROWS = 512;

    private static final int TWO_BYTES = 0x00FF00FF;

    /** What is done with the values. */
    interface Sink {
        /**
         * Takes the values of one place in all rows.
         *
         * @param colour 0, 1 or 2: the bits from 0, 8 or 16 on.
         * @param values a value for each row, in the order of memory.
         */
        void take(int colour, int place, int[] values);
    }

    private final Ramps ramps;

    /** The pixels of one column. */
    private final int[] column;

    /** Of the chunk: sums of the pixels' bits 0 to 7 and, in the upper half, 16 to 23; of bits 8 to 15; and sums of both sums. */
    private final int[] outer;
    private final int[] outers;
    private final int[] inner;
    private final int[] inners;

    /** For each colour, of the piece to the left of a place and of that to the right, the sums of each row. */
    private Ramps.Sums[] before = new Ramps.Sums[3];
    private Ramps.Sums[] after = new Ramps.Sums[3];
    private final int[] values;
    private final int[] unsure;

    /** @param rows how many rows there are. */
    RampColumns(Ramps ramps, int rows) {
        this.ramps = ramps;
        column = new int[rows];
        outer = new int[rows];
        outers = new int[rows];
        inner = new int[rows];
        inners = new int[rows];
        for (int colour = 0; colour < 3; colour++) {
            before[colour] = new Ramps.Sums(rows);
            after[colour] = new Ramps.Sums(rows);
        }
        values = new int[rows];
        unsure = new int[rows];
    }

    /** Number of rows. */
    int rows() {
        return column.length;
    }

    /**
     * Resizes the rows.
     *
     * @param from index of that pixel of the first column that is stored first.
     * @param right how far the pixel of the next column is from it.
     * @param ink lays the pixels on black, and makes them grey for a grey result.
     * @param colours 3, or 1 for a grey result.
     */
    void resize(int[] pixels, int from, int right, Ink ink, int colours, Sink sink) {
        int[] edges = ramps.edges;
        for (int piece = 0; piece <= ramps.count; piece++) {
            Ramps.Sums[] swap = before;
            before = after;
            after = swap;
            add(pixels, from + edges[piece] * right, right, edges[piece + 1] - edges[piece], ink, colours);
            int place = piece - 1;
            for (int colour = 0; colour < colours && piece > 0; colour++) {
                ramps.place(place, before[colour], after[colour], values, unsure);
                for (int row = Ramps.next(unsure, 0); row < unsure.length; row = Ramps.next(unsure, row + 1)) {
                    values[row] = byWeights(pixels, from + row, right, ink, colour, place);
                }
                sink.take(colour, place, values);
            }
        }
    }

    /** Adds up a piece of all rows. */
    private void add(int[] pixels, int from, int right, int length, Ink ink, int colours) {
        for (Ramps.Sums colour : after) {
            colour.clear();
        }
        int at = from;
        for (int left = length; left > 0; ) {
            Arrays.fill(outer, 0);
            Arrays.fill(outers, 0);
            Arrays.fill(inner, 0);
            Arrays.fill(inners, 0);
            int count = Math.min(left, Ramps.CHUNK);
            for (int k = 0; k < count; k++) {
                System.arraycopy(pixels, at, column, 0, column.length);
                ink.blend(column, 0, column.length);
                step(column, outer, outers, inner, inners);
                at += right;
            }
            left -= count;
            for (int colour = 0; colour < colours; colour++) {
                int[] some = colour == 1 ? inner : outer;
                int[] sums = colour == 1 ? inners : outers;
                unpack(some, sums, 8 * (colour & 2), left, after[colour].plain, after[colour].weighted);
            }
        }
    }

    private int byWeights(int[] pixels, int from, int right, Ink ink, int colour, int place) {
        int[] some = new int[ramps.length(place)];
        int at = from + ramps.first(place) * right;
        for (int k = 0; k < some.length; k++) {
            some[k] = pixels[at];
            at += right;
        }
        ink.blend(some, 0, some.length);
        return ramps.byWeights(some, 0, place, 8 * colour);
    }

    private static void step(int[] column, int[] outer, int[] outers, int[] inner, int[] inners) {
        for (int i = 0; i < column.length; i++) {
            int pixel = column[i];
            int both = outer[i] + (pixel & TWO_BYTES);
            int middle = inner[i] + (pixel >>> 8 & 0xFF);
            outer[i] = both;
            outers[i] += both;
            inner[i] = middle;
            inners[i] += middle;
        }
    }

    private static void unpack(int[] some, int[] sums, int shift, int further, int[] plain, int[] weighted) {
        for (int i = 0; i < some.length; i++) {
            int one = some[i] >>> shift & 0xFFFF;
            plain[i] += one;
            weighted[i] += (sums[i] >>> shift & 0xFFFF) + further * one;
        }
    }
}
