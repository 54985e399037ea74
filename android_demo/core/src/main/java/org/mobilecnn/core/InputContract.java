package org.mobilecnn.core;

/**
 * What a network expects: {@code tensor = (pixels - mean) / std} on 0..255 pixel values.
 *
 * <p>The same record as {@code InputContract} in {@code src/mobilecnn/contract.py}. It comes from the
 * passport; the app knows nothing of it beforehand.
 */
public final class InputContract {
    /** Number of rows, in pixels. */
    public final int height;

    /** Number of columns, in pixels. */
    public final int width;

    /** Number of channels: 3, or 1 for grey. */
    public final int channels;

    /** Whether the channels are in the order blue, green, red. */
    public final boolean bgr;

    /** False where nothing in the model stated its input range, and 0..1 was assumed at export. */
    public final boolean stated;

    /** Largest number of pixels, as in Python. */
    private static final long MOST_PIXELS = 1L << 26;

    /** Largest absolute value of a mean, and of a std and its inverse, as in Python. */
    private static final double LARGEST_MEAN = 1e5;

    private final float[] mean;
    private final float[] std;

    /**
     * Checks the values.
     *
     * @param color {@code rgb}, {@code bgr} or {@code grey}.
     * @param mean one value per channel, subtracted from pixel values of 0..255.
     * @param std one value per channel, which the difference is divided by.
     * @param resize the rule for resizing a picture; {@code stretch} is the only one.
     * @throws Problem if the values contradict each other.
     */
    public InputContract(
            int height,
            int width,
            int channels,
            String color,
            float[] mean,
            float[] std,
            String resize,
            boolean stated)
            throws Problem {
        boolean grey = color.equals("grey");
        boolean known = grey || color.equals("rgb") || color.equals("bgr");
        boolean lengths = mean.length == channels && std.length == channels;
        if (!known || grey != (channels == 1) || (channels != 1 && channels != 3) || !lengths
                || height < 1 || width < 1 || (long) height * width > MOST_PIXELS || !resize.equals("stretch")) {
            throw new Problem(Problem.MODEL_FILE,
                    "the passport's input contract contradicts itself; export the model again");
        }
        for (float value : std) {
            if (value == 0.0f) {
                throw new Problem(Problem.MODEL_FILE,
                        "the passport's input contract divides by zero; export the model again");
            }
            within(Math.abs(value), 1.0 / LARGEST_MEAN);
        }
        for (float value : mean) {
            within(Math.abs(value), 0.0);
        }
        this.height = height;
        this.width = width;
        this.channels = channels;
        this.bgr = color.equals("bgr");
        this.mean = mean.clone();
        this.std = std.clone();
        this.stated = stated;
    }

    private static void within(double value, double least) throws Problem {
        if (value < least || value > LARGEST_MEAN) {
            throw new Problem(Problem.MODEL_FILE,
                    "the passport's input contract has a mean or std of " + value + "; export the model again");
        }
    }

    /** Number of values of one picture: height * width * channels. */
    public int elements() {
        return height * width * channels;
    }

    /**
     * The numbers that the network takes, in float32 arithmetic as in Python.
     *
     * @param pixels (height, width, channels) in the order red, green, blue; values 0..255.
     * @param values receives as many, the channels in the contract's order.
     */
    public void tensor(byte[] pixels, float[] values) {
        if (pixels.length != elements() || values.length != elements()) {
            throw new IllegalArgumentException("a picture of " + pixels.length + " values for "
                    + values.length + ", not " + elements());
        }
        for (int start = 0; start < pixels.length; start += channels) {
            for (int channel = 0; channel < channels; channel++) {
                int source = bgr ? channels - 1 - channel : channel;
                float value = pixels[start + source] & 0xFF;
                values[start + channel] = (value - mean[channel]) / std[channel];
            }
        }
    }
}
