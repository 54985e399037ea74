package org.mobilecnn.core;

import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** A model's input or output: its type and, where quantized, {@code real = (code - zeroPoint) * scale}. */
public final class TensorSpec {
    /** {@code float32} or {@code int8}. */
    public final String dtype;

    /** Difference between the real numbers of two adjacent codes; 0 where not quantized. */
    public final float scale;

    /** Code of the real number 0. */
    public final int zeroPoint;

    private final int[] shape;

    /** @throws Problem if this app cannot feed or read such a tensor. */
    public TensorSpec(String dtype, int[] shape, float scale, int zeroPoint) throws Problem {
        boolean quantized = dtype.equals("int8");
        if (!quantized && !dtype.equals("float32")) {
            throw new Problem(Problem.MODEL_FILE, "a tensor of type " + dtype
                    + "; this app feeds and reads float32 and int8: export the model with one of them");
        }
        if (quantized && !(scale > 0)) {
            throw new Problem(Problem.MODEL_FILE,
                    "an int8 tensor without a scale; export the model again");
        }
        this.dtype = dtype;
        this.shape = shape.clone();
        this.scale = quantized ? scale : 0.0f;
        this.zeroPoint = quantized ? zeroPoint : 0;
    }

    /** The sizes, that of the batch (1) first. */
    public int[] shape() {
        return shape.clone();
    }

    /** Number of values: the product of the sizes. */
    public int elements() {
        int product = 1;
        for (int size : shape) {
            product *= size;
        }
        return product;
    }

    /** Whether values are stored as codes of one byte. */
    public boolean quantized() {
        return dtype.equals("int8");
    }

    /** A direct buffer of exactly this tensor's size, in the machine's byte order. */
    public ByteBuffer buffer() {
        int bytes = elements() * (quantized() ? 1 : 4);
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    }

    /** Puts {@code values} into {@code buffer}: float32 as they are, codes rounded (halves to even) and clipped. */
    public void encode(float[] values, ByteBuffer buffer) {
        begin(buffer);
        if (!quantized()) {
            buffer.asFloatBuffer().put(values);
            return;
        }
        for (float value : values) {
            // The division in float32, as in Python.
            double code = Math.rint(value / scale) + zeroPoint;
            buffer.put((byte) Math.max(-128.0, Math.min(127.0, code)));
        }
        begin(buffer);
    }

    /** The real numbers in {@code buffer}. */
    public float[] decode(ByteBuffer buffer) {
        begin(buffer);
        float[] values = new float[elements()];
        if (!quantized()) {
            buffer.asFloatBuffer().get(values);
            return values;
        }
        for (int i = 0; i < values.length; i++) {
            values[i] = (buffer.get() - zeroPoint) * scale;
        }
        begin(buffer);
        return values;
    }

    /** Goes to the beginning of a buffer. Android 8 and 9 have the method in {@link Buffer} alone. */
    public static void begin(Buffer buffer) {
        buffer.rewind();
    }

    /** A description for messages: {@code int8 [1, 224, 224, 3], scale 0.0078, zero point -1}. */
    @Override
    public String toString() {
        String text = dtype + " " + Arrays.toString(shape);
        return quantized() ? text + ", scale " + scale + ", zero point " + zeroPoint : text;
    }
}
