package org.mobilecnn.core;

/** Makes rows much narrower by {@link Ramps}, a row at a time, in memory of its own. */
final class RampRow {
    /** Where the four bytes of a pixel go in a number of 64 bits, which has room for sums of them. */
    private static final long BYTES = 0x00FF00FF00FF00FFL;

    private final Ramps ramps;

    /** Chunk {@code i} begins at {@code edges[i]}; every piece is a chunk or several. */
    private final int[] edges;

    /** The piece of each chunk, and the number of pixels that the piece has after the chunk. */
    private final int[] pieces;
    private final int[] further;

    /** Of each chunk, four sums in the quarters of a number, and the sums of these sums. */
    private final long[] sum;
    private final long[] sums;

    /** Of the bits from 0, 8 and 16 on, the sums of the piece to the left of each place, and to the right. */
    private final Ramps.Sums[] before = new Ramps.Sums[3];
    private final Ramps.Sums[] after = new Ramps.Sums[3];
    private final int[] unsure;

    RampRow(Ramps ramps) {
        this.ramps = ramps;
        int chunks = 0;
        for (int piece = 0; piece <= ramps.count; piece++) {
            chunks += (ramps.edges[piece + 1] - ramps.edges[piece] + Ramps.CHUNK - 1) / Ramps.CHUNK;
        }
        edges = new int[chunks + 1];
        pieces = new int[chunks];
        further = new int[chunks];
        int chunk = 0;
        for (int piece = 0; piece <= ramps.count; piece++) {
            int end = ramps.edges[piece + 1];
            for (int from = ramps.edges[piece]; from < end; from += Ramps.CHUNK) {
                pieces[chunk] = piece;
                edges[++chunk] = Math.min(end, from + Ramps.CHUNK);
                further[chunk - 1] = end - edges[chunk];
            }
        }
        sum = new long[chunks];
        sums = new long[chunks];
        for (int colour = 0; colour < 3; colour++) {
            // One place more: the first piece has no place to its left, and the last none to its right.
            before[colour] = new Ramps.Sums(ramps.count + 1);
            after[colour] = new Ramps.Sums(ramps.count);
        }
        unsure = new int[ramps.count];
    }

    /**
     * Resizes a row.
     *
     * @param pixels the row is from {@code at} on; for a grey result, the values themselves.
     * @param into receives the values, an array for each of the bits from 0, 8 and 16 on; for a grey result, of the first alone.
     * @return whether every pixel is opaque; what is written takes it to be.
     */
    boolean resize(int[] pixels, int at, int[][] into) {
        add(pixels, at);
        boolean opaque = unpack(into.length);
        for (int colour = 0; colour < into.length; colour++) {
            int[] values = into[colour];
            ramps.row(before[colour], after[colour], values, unsure);
            for (int place = Ramps.next(unsure, 0); place < unsure.length; place = Ramps.next(unsure, place + 1)) {
                values[place] = ramps.byWeights(pixels, at + ramps.first(place), place, 8 * colour);
            }
        }
        return opaque;
    }

    private void add(int[] pixels, int at) {
        long[] one = sum;
        long[] two = sums;
        int from = at;
        for (int chunk = 0; chunk < one.length; chunk++) {
            int to = at + edges[chunk + 1];
            long some = 0;
            long more = 0;
            for (int k = from; k < to; k++) {
                long pixel = pixels[k] & 0xFFFFFFFFL;
                some += (pixel | pixel << 24) & BYTES;
                more += some;
            }
            one[chunk] = some;
            two[chunk] = more;
            from = to;
        }
    }

    private static void quarter(long[] sums, int shift, int[] into) {
        for (int i = 0; i < into.length; i++) {
            into[i] = (int) (sums[i] >> shift) & 0xFFFF;
        }
    }

    /** From the sums of the chunks to those of the pieces, for each colour; whether every pixel is opaque. */
    private boolean unpack(int colours) {
        for (int colour = 0; colour < colours; colour++) {
            // Bits 8 to 15 of a pixel are in the third quarter.
            int shift = colour == 0 ? 0 : 48 - 16 * colour;
            int[] plain = before[colour].plain;
            int[] weighted = before[colour].weighted;
            if (sum.length == plain.length) {
                quarter(sum, shift, plain);
                quarter(sums, shift, weighted);
            } else {
                before[colour].clear();
                for (int i = 0; i < sum.length; i++) {
                    int some = (int) (sum[i] >> shift) & 0xFFFF;
                    plain[pieces[i]] += some;
                    weighted[pieces[i]] += ((int) (sums[i] >> shift) & 0xFFFF) + further[i] * some;
                }
            }
            System.arraycopy(plain, 1, after[colour].plain, 0, ramps.count);
            System.arraycopy(weighted, 1, after[colour].weighted, 0, ramps.count);
        }
        int alpha = 0;
        for (long some : sum) {
            alpha += (int) (some >>> 48);
        }
        return alpha == 255 * edges[sum.length];
    }
}
